/* conform/aaf_store.c - the objects of an AAF file and their properties. */
/* SPDX-License-Identifier: MIT */
#include "conform/aaf_store.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <gsf/gsf-infile-msole.h>
#include <gsf/gsf-infile.h>
#include <gsf/gsf-input-memory.h>
#include <gsf/gsf-input.h>

#include "base/buf.h"
#include "base/err.h"
#include "conform/compound.h"

#define INDEX_MAX (16u << 20) /* bytes of the index of a vector or set */
#define STEM_MAX_BYTES 128    /* of a name in the compound file: 31 letters */
#define STRING_MAX_UNITS 8192 /* of UTF-16; the rest of a longer one is cut off */
#define PRIVATE_FIRST 0x8000

enum form {
    FORM_WEAK = 0x02,
    FORM_STRONG = 0x22,
    FORM_STRONG_VECTOR = 0x32,
    FORM_STRONG_SET = 0x3a,
};

struct aaf_store {
    GsfInput *memory;
    GsfInfile *root;
    size_t objects;
    uint64_t bytes;
};

struct value {
    uint16_t property, form;
    uint32_t at, n;
};

struct aaf_object {
    struct aaf_store *store;
    GsfInfile *storage;
    enum aaf_class class;
    unsigned char *data;
    struct value *values;
    size_t n_values;
};

static uint32_t u32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint16_t u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint64_t u64(const unsigned char *p)
{
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

/* Text: UTF-16 as the file has it, up to a NUL; what is no letter becomes U+FFFD. */

static void add_letter(struct buf *b, uint32_t c)
{
    if (c < 0x80) {
        buf_addc(b, (char)c);
    } else if (c < 0x800) {
        buf_addc(b, (char)(0xc0 | c >> 6));
        buf_addc(b, (char)(0x80 | (c & 0x3f)));
    } else {
        if (c >= 0x10000) {
            buf_addc(b, (char)(0xf0 | c >> 18));
            buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
        } else {
            buf_addc(b, (char)(0xe0 | c >> 12));
        }
        buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_addc(b, (char)(0x80 | (c & 0x3f)));
    }
}

static char *text(const unsigned char *p, size_t n)
{
    struct buf b = {0};
    n = n / 2 < STRING_MAX_UNITS ? n / 2 : STRING_MAX_UNITS;
    for (size_t i = 0; i < n && u16(p + 2 * i) != 0; i++) {
        uint32_t c = u16(p + 2 * i), low = i + 1 < n ? u16(p + 2 * i + 2) : 0;
        if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i++;
        } else if (c >= 0xd800 && c < 0xe000) {
            c = 0xfffd;
        }
        add_letter(&b, c);
    }
    return buf_take(&b);
}

/* The file */

/* libgsf tells what it finds by GLib's log; whoever reads a file says it in `e`. */
static void ignore(const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer arg)
{
    (void)domain, (void)level, (void)message, (void)arg;
}

static void silence(void)
{
    GLogLevelFlags all = G_LOG_LEVEL_MASK;
    g_log_set_handler(NULL, all, ignore, NULL); /* parts of libgsf name no domain */
    g_log_set_handler("libgsf", all, ignore, NULL);
    g_log_set_handler("libgsf:msole", all, ignore, NULL);
}

int aaf_store_open(const void *data, size_t n, struct aaf_store **ret, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    AUTO(aaf_store) struct aaf_store *s = xcalloc(1, sizeof *s);
    int r = compound_check(data, n, e);
    if (r < 0)
        return r;
    pthread_once(&once, silence);
    s->memory = gsf_input_memory_new(data, (gsf_off_t)n, /* needs_free= */ FALSE);
    s->root = s->memory ? gsf_infile_msole_new(s->memory, /* err= */ NULL) : NULL;
    if (!s->root)
        return err_set(e, -EBADMSG, "damaged compound file: its tables do not fit together");
    *ret = TAKE(s);
    return 0;
}

void aaf_store_free(struct aaf_store *s)
{
    if (!s)
        return;
    if (s->root)
        g_object_unref(s->root);
    if (s->memory)
        g_object_unref(s->memory);
    free(s);
}

/* All of a stream below `storage`; `*ret` is NULL where there is none. The caller frees. */
static int read_stream(struct aaf_store *s, GsfInfile *storage, const char *name, size_t most,
                       unsigned char **ret, size_t *ret_n, struct err *e)
{
    *ret = NULL;
    GsfInput *in = gsf_infile_child_by_name(storage, name);
    if (!in)
        return 0;
    gsf_off_t n = gsf_input_size(in);
    unsigned char *data = NULL;
    int r = 0;
    if (n < 0 || (uint64_t)n > most) {
        r = err_set(e, -EFBIG, "the stream '%.80s' has more than %zu bytes", name, most);
    } else if ((s->bytes += (uint64_t)n) > AAF_BYTES_MAX) {
        r = err_set(e, -EFBIG, "its objects are used too often: more than 1 GiB to read");
    } else {
        data = xcalloc(1, (size_t)n + 1);
        if (n > 0 && !gsf_input_read(in, (size_t)n, data))
            r = err_set(e, -EBADMSG, "the stream '%.80s' ends early", name);
    }
    g_object_unref(in);
    if (r < 0) {
        free(data);
        return r;
    }
    *ret = data;
    *ret_n = (size_t)n;
    return 0;
}

/* Objects */

static enum aaf_class class_of(GsfInfile *storage)
{
    static const unsigned char head[] = {0x01, 0x01, 0x01, 0x0d, 0x01, 0x01, 0x00};
    static const unsigned char tail[] = {0x06, 0x0e, 0x2b, 0x34, 0x02, 0x06, 0x01, 0x01};
    guint8 id[16] = {0};
    if (!gsf_infile_msole_get_class_id(GSF_INFILE_MSOLE(storage), id) ||
        memcmp(id, head, sizeof head) != 0 || memcmp(id + 8, tail, sizeof tail) != 0)
        return AAF_OTHER;
    return (enum aaf_class)id[7];
}

static int read_values(struct aaf_object *o, size_t n, struct err *e)
{
    const unsigned char *p = o->data;
    if (n < 4 || p[0] != 0x4c)
        return err_set(e, -EBADMSG,
                       n >= 4 && p[0] == 0x42
                           ? "properties in big-endian order, which is not read here"
                           : "a stream of properties that is none");
    size_t count = u16(p + 2), at = 4 + 6 * count;
    if (at > n)
        return err_set(e, -EBADMSG, "a stream of properties ends early");
    o->values = xcalloc(count + 1, sizeof *o->values);
    for (size_t i = 0; i < count; i++) {
        const unsigned char *head = p + 4 + 6 * i;
        struct value v = {u16(head), u16(head + 2), (uint32_t)at, u16(head + 4)};
        at += v.n;
        if (at > n)
            return err_set(e, -EBADMSG, "property %04x of an object ends early", v.property);
        o->values[o->n_values++] = v;
    }
    return 0;
}

/* Takes `storage`, which may be NULL. */
static int open_object(struct aaf_store *s, GsfInfile *storage, struct aaf_object **ret,
                       struct err *e)
{
    AUTO(aaf_object) struct aaf_object *o = xcalloc(1, sizeof *o);
    size_t n = 0;
    o->store = s;
    o->storage = storage;
    if (!storage || gsf_infile_num_children(storage) < 0)
        return err_set(e, -EBADMSG, "an object is named that is not there");
    if (++s->objects > AAF_OBJECTS_MAX)
        return err_set(e, -EFBIG, "its objects are used too often: more than %d to read",
                       AAF_OBJECTS_MAX);
    int r = read_stream(s, storage, "properties", AAF_PROPERTIES_MAX, &o->data, &n, e);
    if (r == 0 && !o->data)
        r = err_set(e, -EBADMSG, "an object without properties");
    if (r == 0)
        r = read_values(o, n, e);
    if (r < 0)
        return r;
    o->class = class_of(storage);
    *ret = TAKE(o);
    return 0;
}

void aaf_object_free(struct aaf_object *o)
{
    if (!o)
        return;
    if (o->storage)
        g_object_unref(o->storage);
    free(o->data);
    free(o->values);
    free(o);
}

int aaf_store_header(struct aaf_store *s, struct aaf_object **ret, struct err *e)
{
    enum aaf_property header = 0x0002; /* of the root, which is no object of a class */
    AUTO(aaf_object) struct aaf_object *root = NULL;
    struct aaf_object *found = NULL;
    int r = open_object(s, g_object_ref(s->root), &root, e);
    if (r == 0)
        r = aaf_object_open(root, header, &found, e);
    if (r < 0)
        return err_wrap(e, "not an AAF file");
    if (!found)
        return err_set(e, -EBADMSG, "not an AAF file: a compound file without its header");
    *ret = found;
    return 0;
}

/* Values */

static const struct value *value_of(const struct aaf_object *o, enum aaf_property p)
{
    for (size_t i = 0; i < o->n_values; i++)
        if (o->values[i].property == p)
            return &o->values[i];
    return NULL;
}

enum aaf_class aaf_object_class(const struct aaf_object *o)
{
    return o->class;
}

const unsigned char *aaf_object_bytes(const struct aaf_object *o, enum aaf_property p, size_t *n)
{
    const struct value *v = value_of(o, p);
    *n = v ? v->n : 0;
    return v ? o->data + v->at : NULL;
}

static bool integer(const unsigned char *p, size_t n, bool is_signed, int64_t *ret)
{
    if (n != 1 && n != 2 && n != 4 && n != 8)
        return false;
    uint64_t u = n == 1 ? p[0] : n == 2 ? u16(p) : n == 4 ? u32(p) : u64(p);
    if (is_signed && n < 8 && u >> (8 * n - 1))
        u |= UINT64_MAX << (8 * n);
    *ret = (int64_t)u;
    return true;
}

bool aaf_object_integer(const struct aaf_object *o, enum aaf_property p, int64_t *ret)
{
    size_t n;
    const unsigned char *v = aaf_object_bytes(o, p, &n);
    return v && integer(v, n, /* is_signed= */ n == 8, ret);
}

static struct edit_ratio ratio(const unsigned char *p)
{
    return edit_format_ratio((int32_t)u32(p), (int32_t)u32(p + 4));
}

struct edit_ratio aaf_object_ratio(const struct aaf_object *o, enum aaf_property p)
{
    size_t n;
    const unsigned char *v = aaf_object_bytes(o, p, &n);
    return v && n == 8 ? ratio(v) : (struct edit_ratio){0, 0};
}

char *aaf_object_string(const struct aaf_object *o, enum aaf_property p)
{
    size_t n;
    const unsigned char *v = aaf_object_bytes(o, p, &n);
    return v ? text(v, n) : NULL;
}

const unsigned char *aaf_object_auid(const struct aaf_object *o, enum aaf_property p)
{
    const struct value *v = value_of(o, p);
    /* a weak reference: where the set is, by which property, how many bytes, and those */
    size_t before = v && v->form == FORM_WEAK ? 5 : 0;
    if (!v || v->n != before + AAF_AUID_BYTES)
        return NULL;
    return o->data + v->at + before;
}

bool aaf_object_indirect(const struct aaf_object *o, enum aaf_property p, struct edit_ratio *number,
                         char **string)
{
    enum { TYPE = 1, VALUE = TYPE + AAF_AUID_BYTES };
    static const unsigned char tail[] = {0x00, 0x00, 0x00, 0x00, 0x06, 0x0e,
                                         0x2b, 0x34, 0x01, 0x04, 0x01, 0x01};
    size_t n;
    const unsigned char *v = aaf_object_bytes(o, p, &n);
    *number = (struct edit_ratio){0, 0};
    *string = NULL;
    if (!v || n < VALUE || v[0] != 0x4c || memcmp(v + TYPE + 4, tail, sizeof tail) != 0)
        return false;
    unsigned type = u32(v + TYPE);
    int64_t i;
    if (type == 0x01100200)
        *string = text(v + VALUE, n - VALUE);
    else if (type == 0x03010100 && n == VALUE + 8)
        *number = ratio(v + VALUE);
    else if (type >= 0x01010100 && type <= 0x01010800 &&
             integer(v + VALUE, n - VALUE, /* is_signed= */ type >= 0x01010500, &i))
        *number = edit_format_ratio(i, 1);
    return *string || number->den;
}

/* Objects that an object owns */

bool aaf_object_private(const struct aaf_object *o, size_t *i, enum aaf_property *ret)
{
    for (; *i < o->n_values; ++*i)
        if (o->values[*i].property >= PRIVATE_FIRST && o->values[*i].form == FORM_STRONG_VECTOR) {
            *ret = (enum aaf_property)o->values[(*i)++].property;
            return true;
        }
    return false;
}

static int no_object(struct err *e, enum aaf_property p)
{
    return err_wrap(e, "property %04x", (unsigned)p);
}

/* The child of a storage as a storage; NULL where it is none. */
static GsfInfile *child(GsfInfile *storage, const char *name)
{
    GsfInput *in = gsf_infile_child_by_name(storage, name);
    if (!in || GSF_IS_INFILE(in))
        return in ? GSF_INFILE(in) : NULL;
    g_object_unref(in);
    return NULL;
}

int aaf_object_open(const struct aaf_object *o, enum aaf_property p, struct aaf_object **ret,
                    struct err *e)
{
    const struct value *v = value_of(o, p);
    *ret = NULL;
    if (!v || v->form != FORM_STRONG)
        return 0;
    if (v->n > STEM_MAX_BYTES)
        return err_set(e, -EBADMSG, "property %04x: a name that is too long", (unsigned)p);
    AUTO(free) char *name = text(o->data + v->at, v->n);
    if (open_object(o->store, child(o->storage, name), ret, e) < 0)
        return no_object(e, p);
    return 0;
}

/* count:32 unused:32 unused:32, then of a vector key:32 x count; of a set property:16 bytes:8,
 * then { key:32 uses:32 id } x count. */
static int read_index(struct aaf_list *l, bool set, const unsigned char *p, size_t n, struct err *e)
{
    size_t head = set ? 15 : 12;
    if (n < head)
        return err_set(e, -EBADMSG, "an index ends early");
    size_t count = u32(p), id = set ? p[14] : 0, step = set ? 8 + id : 4;
    if (set && id != AAF_AUID_BYTES && id != AAF_MOB_ID_BYTES)
        return err_set(e, -EBADMSG, "an index of ids of %zu bytes", id);
    if (count > AAF_LIST_MAX)
        return err_set(e, -EFBIG, "an index of more than %d objects", AAF_LIST_MAX);
    if (count > (n - head) / step)
        return err_set(e, -EBADMSG, "an index ends early");
    l->keys = xcalloc(count + 1, sizeof *l->keys);
    l->ids = set ? xcalloc(count + 1, id) : NULL;
    l->id_bytes = id;
    for (; l->n < count; l->n++) {
        const unsigned char *entry = p + head + step * l->n;
        l->keys[l->n] = u32(entry);
        if (set)
            memcpy(l->ids + id * l->n, entry + 8, id);
    }
    return 0;
}

int aaf_list_read(const struct aaf_object *owner, enum aaf_property p, struct aaf_list *ret,
                  struct err *e)
{
    const struct value *v = value_of(owner, p);
    *ret = (struct aaf_list){.owner = owner};
    if (!v || (v->form != FORM_STRONG_VECTOR && v->form != FORM_STRONG_SET))
        return 0;
    if (v->n > STEM_MAX_BYTES)
        return err_set(e, -EBADMSG, "property %04x: a name that is too long", (unsigned)p);
    struct aaf_list l __attribute__((cleanup(auto_aaf_list))) = {.owner = owner};
    l.stem = text(owner->data + v->at, v->n);
    AUTO(free) char *name = xasprintf("%s index", l.stem);
    AUTO(free) unsigned char *index = NULL;
    size_t n = 0;
    int r = read_stream(owner->store, owner->storage, name, INDEX_MAX, &index, &n, e);
    if (r == 0 && !index)
        r = err_set(e, -EBADMSG, "there is no stream '%.80s'", name);
    if (r == 0)
        r = read_index(&l, v->form == FORM_STRONG_SET, index, n, e);
    if (r < 0)
        return no_object(e, p);
    *ret = l;
    l = (struct aaf_list){0};
    return 0;
}

void aaf_list_done(struct aaf_list *l)
{
    free(l->stem);
    free(l->keys);
    free(l->ids);
    *l = (struct aaf_list){0};
}

int aaf_list_open(const struct aaf_list *l, size_t i, struct aaf_object **ret, struct err *e)
{
    AUTO(free) char *name = xasprintf("%s{%x}", l->stem, (unsigned)l->keys[i]);
    *ret = NULL;
    if (open_object(l->owner->store, child(l->owner->storage, name), ret, e) < 0)
        return err_wrap(e, "'%.80s'", name);
    return 0;
}
