/* tests/unit/test_otio_strict.c - what OpenTimelineIO's reader takes and what it refuses. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/otio_read.h"
#include "conform/otio_strict.h"

/* Tables are written with ' for ". */
#define TIME(value, rate) "{'OTIO_SCHEMA':'RationalTime.1','value':" value ",'rate':" rate "}"
#define RANGE(start, duration)                                                                     \
    "{'OTIO_SCHEMA':'TimeRange.1','start_time':" start ",'duration':" duration "}"
#define GOOD_RANGE RANGE(TIME("0", "24"), TIME("10.5", "24.0"))
#define STACK(children) "{'OTIO_SCHEMA':'Stack.1','children':[" children "]}"
#define TRACK(children) "{'OTIO_SCHEMA':'Track.1','kind':'Video','children':[" children "]}"
#define CLIP1(members) "{'OTIO_SCHEMA':'Clip.1'" members "}"
#define CLIP2(refs)                                                                                \
    "{'OTIO_SCHEMA':'Clip.2','active_media_reference_key':'A','media_references':{" refs "}}"
#define EXT "{'OTIO_SCHEMA':'ExternalReference.1','target_url':'x'}"
#define SEQ(members, start, policy)                                                                \
    "{'OTIO_SCHEMA':'ImageSequenceReference.1','target_url_base':'','name_prefix':'p',"            \
    "'name_suffix':'.exr','frame_step':1,'rate':24,'frame_zero_padding':4,'start_frame':" start    \
        policy members "}"
#define POLICY(word) ",'missing_frame_policy':" word
#define COLOR "{'OTIO_SCHEMA':'Color.1','r':1,'g':0.5,'b':0,'a':1,'name':'red'}"
#define BOX                                                                                        \
    "{'OTIO_SCHEMA':'Box2d.1','min':{'OTIO_SCHEMA':'V2d.1','x':0,'y':0},"                          \
    "'max':{'OTIO_SCHEMA':'V2d.1','x':1,'y':NaN}}"
#define MARKER(version, members) "{'OTIO_SCHEMA':'Marker." version "'," members "}"
#define EFFECT(schema, members) "{'OTIO_SCHEMA':'" schema "','effect_name':''" members "}"
#define WITH(member) CLIP1("," member)

/* `want`: a line for each deviation, "POINTER: WHAT"; "" is a file that OpenTimelineIO reads. */
static const struct {
    const char *json, *want;
} cases[] = {
    /* what it reads */
    {CLIP1(""), ""},
    {WITH("'media_reference':null"), ""},
    {WITH("'media_reference':" EXT), ""},
    {WITH("'media_reference':1"), ""}, /* none, for it and for conform */
    {CLIP2(""), ""}, /* the active key is not there */
    {CLIP2("'B':" EXT), ""},
    {WITH("'name':null,'more':{'x':[1,{}]},'enabled':false,'metadata':{},'color':null"), ""},
    {WITH("'color':" COLOR), ""},
    {WITH("'source_range':null,'effects':[],'markers':[]"), ""},
    {WITH("'source_range':" GOOD_RANGE), ""},
    {WITH("'source_range':" RANGE(TIME("NaN", "24"), TIME("Infinity", "-Inf"))), ""},
    {STACK(TRACK("{'OTIO_SCHEMA':'Gap.1'},{'OTIO_SCHEMA':'Filler.1'}," CLIP1("")) "," STACK("")),
     ""},
    {"{'OTIO_SCHEMA':'Sequence.1','kind':null,'children':[]}", ""},
    {"{'OTIO_SCHEMA':'Timeline.1','tracks':null,'global_start_time':null}", ""},
    {"{'OTIO_SCHEMA':'Timeline.1','tracks':" STACK("") ",'global_start_time':" TIME("1", "2") "}",
     ""},
    {TRACK("{'OTIO_SCHEMA':'Transition.1','transition_type':'x','in_offset':" TIME(
         "1", "2") ",'out_offset':" TIME("1", "2") "}"),
     ""},
    {CLIP2("'A':" SEQ("", "1001", POLICY("'hold'")) ",'B':{'OTIO_SCHEMA':'MissingReference.1'},"
                                                    "'C':{'OTIO_SCHEMA':'GeneratorReference.1','"
                                                    "generator_kind':'bars','parameters':{}}"),
     ""},
    {CLIP2("'A':{'OTIO_SCHEMA':'ExternalReference.1','target_url':null,'available_range':null,"
           "'available_image_bounds':" BOX "}"),
     ""},
    {WITH("'effects':[" EFFECT("Effect.1", ",'enabled':true") "," EFFECT(
         "TimeEffect.1", "") "," EFFECT("LinearTimeWarp.1",
                                        ",'time_scalar':-1") "," EFFECT("FreezeFrame.1",
                                                                        ",'time_scalar':0") "]"),
     ""},
    {WITH("'markers':[" MARKER("1", "'range':" GOOD_RANGE) "," MARKER(
         "2", "'marked_range':" GOOD_RANGE
              ",'color':'RED','comment':null") "," MARKER("3", "'marked_range':" GOOD_RANGE
                                                               ",'color':" COLOR) "]"),
     ""},
    {"{'OTIO_SCHEMA':'SerializeableCollection.1','children':[{'OTIO_SCHEMA':'Studio.7','x':1}]}",
     ""},
    {WITH("'metadata':{'m':{'OTIO_SCHEMA':'Studio.7','children':{}},'n':[1e300,"
          "170141183460469231731687303715884105728,NaN]}"),
     ""},
    {"{'OTIO_SCHEMA':'Clip.0'}", ""},
    {CLIP2("'A':{'OTIO_SCHEMA':'SerializableObjectRef.1','id':'m'},'B':{'OTIO_REF_ID':'m',"
           "'OTIO_SCHEMA':'MissingReference.1'}"),
     ""},
    {WITH("'metadata':{'r':{'OTIO_SCHEMA':'RationalTime.2'}}"), ""}, /* an unknown schema */

    /* schemas and versions */
    {"{'OTIO_SCHEMA':'Clip.3'}", ": 'Clip.3' is unsupported: the latest version is Clip.2\n"},
    {STACK("{'OTIO_SCHEMA':'Gap.2'}"),
     "/children/0: 'Gap.2' is unsupported: the latest version is Gap.1\n"},
    {WITH("'markers':[" MARKER("4", "'x':1") "]"),
     "/markers/0: 'Marker.4' is unsupported: the latest version is Marker.3\n"},
    {WITH("'metadata':{'m':{'OTIO_SCHEMA':'Track.2'}}"),
     "/metadata/m: 'Track.2' is unsupported: the latest version is Track.1\n"},
    {WITH("'metadata':{'m':{'OTIO_SCHEMA':'Studio'}}"),
     "/metadata/m: OTIO_SCHEMA 'Studio' is no name with a version\n"},
    {WITH("'metadata':{'m':{'OTIO_SCHEMA':'Studio.x'}}"),
     "/metadata/m: OTIO_SCHEMA 'Studio.x' is no name with a version\n"},
    {WITH("'metadata':{'m':{'OTIO_SCHEMA':7}}"), "/metadata/m: OTIO_SCHEMA is no string\n"},
    {WITH("'source_range':{'OTIO_SCHEMA':'TimeRange.2'}"),
     "/source_range: a TimeRange.1 or null is wanted, this is 'TimeRange.2'\n"},
    {WITH("'source_range':{'OTIO_SCHEMA':'TimeRange.01'}"),
     "/source_range: a TimeRange.1 or null is wanted, this is 'TimeRange.01'\n"},
    {WITH("'source_range':" RANGE("{'value':1,'rate':24}", TIME("1", "24"))),
     "/source_range/start_time: a RationalTime.1 is wanted, this is an object without "
     "OTIO_SCHEMA\n"},

    /* members that must be there */
    {"{'OTIO_SCHEMA':'Timeline.1'}", ": no 'tracks', which 'Timeline.1' must have\n"},
    {"{'OTIO_SCHEMA':'Stack.1'}", ": no 'children', which 'Stack.1' must have\n"},
    {STACK("{'OTIO_SCHEMA':'Track.1','children':[]}"),
     "/children/0: no 'kind', which 'Track.1' must have\n"},
    {"{'OTIO_SCHEMA':'Clip.2','media_reference':" EXT "}",
     ": no 'media_references', which 'Clip.2' must have\n"
     ": no 'active_media_reference_key', which 'Clip.2' must have\n"},
    {CLIP2("'A':{'OTIO_SCHEMA':'ExternalReference.1'}"),
     "/media_references/A: no 'target_url', which 'ExternalReference.1' must have\n"},
    {CLIP2("'A':{'OTIO_SCHEMA':'GeneratorReference.1'}"),
     "/media_references/A: no 'generator_kind', which 'GeneratorReference.1' must have\n"
     "/media_references/A: no 'parameters', which 'GeneratorReference.1' must have\n"},
    {TRACK("{'OTIO_SCHEMA':'Transition.1'}"),
     "/children/0: no 'in_offset', which 'Transition.1' must have\n"
     "/children/0: no 'out_offset', which 'Transition.1' must have\n"
     "/children/0: no 'transition_type', which 'Transition.1' must have\n"},
    {WITH("'effects':[{'OTIO_SCHEMA':'LinearTimeWarp.1'}]"),
     "/effects/0: no 'time_scalar', which 'LinearTimeWarp.1' must have\n"
     "/effects/0: no 'effect_name', which 'LinearTimeWarp.1' must have\n"},
    {WITH("'markers':[" MARKER("1", "'marked_range':" GOOD_RANGE) "]"),
     "/markers/0: no 'range', which 'Marker.1' must have\n"},
    {WITH("'markers':[" MARKER("2", "'range':" GOOD_RANGE) "]"),
     "/markers/0: no 'marked_range', which 'Marker.2' must have\n"},
    {WITH("'source_range':{'OTIO_SCHEMA':'TimeRange.1','duration':" TIME("1", "24") "}"),
     "/source_range: no 'start_time', which 'TimeRange.1' must have\n"},
    {WITH("'metadata':{'t':{'OTIO_SCHEMA':'RationalTime.1','value':1}}"),
     "/metadata/t: no 'rate', which 'RationalTime.1' must have\n"},
    {CLIP2("'A':{'OTIO_SCHEMA':'ImageSequenceReference.1','target_url_base':'','name_prefix':'',"
           "'name_suffix':'','rate':24}"),
     "/media_references/A: no 'start_frame', which 'ImageSequenceReference.1' must have\n"
     "/media_references/A: no 'frame_step', which 'ImageSequenceReference.1' must have\n"
     "/media_references/A: no 'frame_zero_padding', which 'ImageSequenceReference.1' must have\n"
     "/media_references/A: no 'missing_frame_policy', which 'ImageSequenceReference.1' must "
     "have\n"},

    /* types */
    {WITH("'media_reference':{'target_url':'a.mov'}"),
     "/media_reference: a media reference of a known schema or null is wanted, this is an object "
     "without OTIO_SCHEMA\n"},
    {WITH("'metadata':null"), "/metadata: an object without OTIO_SCHEMA is wanted, this is null\n"},
    {WITH("'metadata':{'OTIO_SCHEMA':'Studio.1'}"),
     "/metadata: an object without OTIO_SCHEMA is wanted, this is 'Studio.1'\n"},
    {WITH("'effects':null"), "/effects: an array is wanted, this is null\n"},
    {WITH("'effects':[null]"), "/effects/0: an effect of a known schema is wanted, this is null\n"},
    {WITH("'effects':[{'OTIO_SCHEMA':'Blur.1'}]"),
     "/effects/0: an effect of a known schema is wanted, this is 'Blur.1'\n"},
    {WITH("'markers':{}"), "/markers: an array is wanted, this is an object without OTIO_SCHEMA\n"},
    {WITH("'markers':[" EFFECT("Effect.1", "") "]"),
     "/markers/0: a Marker is wanted, this is 'Effect.1'\n"},
    {WITH("'enabled':1"), "/enabled: true or false is wanted, this is an integer\n"},
    {WITH("'enabled':null"), "/enabled: true or false is wanted, this is null\n"},
    {WITH("'name':NaN"),
     "/name: a string or null is wanted, this is a number that is no integer\n"},
    {WITH("'source_range':" RANGE(TIME("'0'", "24"), TIME("null", "true"))),
     "/source_range/start_time/value: a number is wanted, this is a string\n"
     "/source_range/duration/rate: a number is wanted, this is true or false\n"
     "/source_range/duration/value: a number is wanted, this is null\n"},
    {WITH("'source_range':" RANGE(TIME("9223372036854775808", "24"), TIME("1", "24"))),
     "/source_range/start_time/value: a number is wanted, this is an integer of more than 64 "
     "bits\n"},
    {WITH("'source_range':" RANGE(TIME("9223372036854775807", "24"), TIME("1", "24"))), ""},
    {WITH("'color':'RED'"), "/color: a Color.1 or null is wanted, this is a string\n"},
    {WITH("'markers':[" MARKER("2", "'marked_range':" GOOD_RANGE ",'color':" COLOR) "," MARKER(
         "3", "'marked_range':null,'color':'RED'") "]"),
     "/markers/0/color: a string or null is wanted, this is 'Color.1'\n"
     "/markers/1/marked_range: a TimeRange.1 is wanted, this is null\n"
     "/markers/1/color: a Color.1 or null is wanted, this is a string\n"},
    {CLIP2("'A':null"),
     "/media_references/A: a media reference of a known schema is wanted, this is null\n"},
    {CLIP2("'A':{'OTIO_SCHEMA':'Studio.1'}"),
     "/media_references/A: a media reference of a known schema is wanted, this is 'Studio.1'\n"},
    {WITH("'media_reference':{'OTIO_SCHEMA':'Gap.1'}"),
     "/media_reference: a media reference of a known schema or null is wanted, this is 'Gap.1'\n"},
    {TRACK("{'OTIO_SCHEMA':'Studio.1','children':[]}"),
     "/children/0: a clip, gap, stack, track or transition is wanted, this is 'Studio.1'\n"},
    {TRACK("null"), "/children/0: a clip, gap, stack, track or transition is wanted, this is "
                    "null\n"},
    {STACK("{'OTIO_SCHEMA':'Timeline.1','tracks':null}"),
     "/children/0: a clip, gap, stack, track or transition is wanted, this is 'Timeline.1'\n"},
    {"{'OTIO_SCHEMA':'Timeline.1','tracks':" TRACK("") "}",
     "/tracks: a Stack or null is wanted, this is 'Track.1'\n"},
    {"{'OTIO_SCHEMA':'Timeline.1','tracks':null,'global_start_time':86400}",
     "/global_start_time: a RationalTime.1 or null is wanted, this is an integer\n"},
    {CLIP2("'A':" SEQ("", "1001.0", POLICY("'error'"))),
     "/media_references/A/start_frame: an integer is wanted, this is a number that is no "
     "integer\n"},
    {CLIP2("'A':" SEQ("", "99999999999999999999", POLICY("'black'"))),
     "/media_references/A/start_frame: an integer is wanted, this is an integer of more than 64 "
     "bits\n"},
    {CLIP2("'A':" SEQ("", "1", POLICY("'skip'"))),
     "/media_references/A/missing_frame_policy: 'skip' is none of: error hold black\n"},
    {CLIP2("'A':" SEQ("", "1", POLICY("''"))),
     "/media_references/A/missing_frame_policy: '' is none of: error hold black\n"},
    {CLIP2("'A':" SEQ("", "1", POLICY("'error hold'"))),
     "/media_references/A/missing_frame_policy: 'error hold' is none of: error hold black\n"},
    {CLIP2("'A':" SEQ("", "1", POLICY("null"))),
     "/media_references/A/missing_frame_policy: a string is wanted, this is null\n"},
    {CLIP2("'A':" SEQ(",'available_image_bounds':{}", "1", POLICY("'hold'"))),
     "/media_references/A/available_image_bounds: a Box2d.1 or null is wanted, this is an object "
     "without OTIO_SCHEMA\n"},
    {WITH("'color':{'OTIO_SCHEMA':'Color.1','r':1,'g':1,'b':1,'a':'1','name':null}"),
     "/color/a: a number is wanted, this is a string\n"
     "/color/name: a string is wanted, this is null\n"},

    /* ids */
    {TRACK("{'OTIO_SCHEMA':'Gap.1','OTIO_REF_ID':''},{'OTIO_SCHEMA':'Gap.1','OTIO_REF_ID':''},"
           "{'OTIO_SCHEMA':'Gap.1','OTIO_REF_ID':'g','metadata':{'m':{'OTIO_REF_ID':'g'}}}"),
     ""},
    {CLIP2("'A':{'OTIO_SCHEMA':'SerializableObjectRef.1','id':'m'}"),
     "/media_references/A: no object has the OTIO_REF_ID 'm'\n"},
    {TRACK("{'OTIO_SCHEMA':'Gap.1','OTIO_REF_ID':'g'},{'OTIO_SCHEMA':'Gap.1','OTIO_REF_ID':'g'}"),
     "/children/1: another object has the OTIO_REF_ID 'g'\n"},
    {TRACK("{'OTIO_SCHEMA':'Gap.1','OTIO_REF_ID':7}"), "/children/0: OTIO_REF_ID is no string\n"},
    {STACK("{'OTIO_SCHEMA':'Gap.1','OTIO_REF_ID':'g','metadata':{'x':" CLIP2(
         "'A':{'OTIO_SCHEMA':'SerializableObjectRef.1','id':'g'}") "}}"),
     "/children/0/metadata/x/media_references/A: a media reference of a known schema is wanted, "
     "this is 'SerializableObjectRef.1'\n"},
};

static char *quoted(const char *s)
{
    char *r = xstrdup(s);
    for (char *p = r; *p; p++)
        if (*p == '\'')
            *p = '"';
    return r;
}

static struct otio_doc *read_text(const char *s)
{
    struct otio_doc *doc = NULL;
    struct err e;
    if (otio_read(s, strlen(s), &doc, &e) < 0)
        fail_msg("%s: %s", s, e.text);
    return doc;
}

static int add_line(void *arg, const char *pointer, const char *what)
{
    buf_addf(arg, "%s: %s\n", pointer, what);
    return 0;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(free) char *text = quoted(cases[i].json);
        json_error_t je;
        struct otio_text t;
        struct err e;
        AUTO(buf) struct buf got = {0};
        assert_int_equal(otio_text_open(text, strlen(text), &t, &e), 0);
        json_auto_t *root = json_loadb(t.json, t.len, JSON_REJECT_DUPLICATES, &je);
        if (!root)
            fail_msg("%s: %s", text, je.text);
        assert_int_equal(otio_check(root, t.mark, add_line, &got), 0);
        if (strcmp(buf_str(&got), cases[i].want) != 0)
            fail_msg("%s:\n%s", cases[i].json, buf_str(&got));
        otio_text_done(&t);
    }
}

static int stop(void *arg, const char *pointer, const char *what)
{
    (void)pointer;
    (void)what;
    return ++*(int *)arg == 2 ? -7 : 0;
}

static void test_stop(void **state)
{
    (void)state;
    AUTO(free) char *text = quoted(TRACK("null,null,null"));
    AUTO(otio_doc) struct otio_doc *doc = read_text(text);
    int calls = 0;
    assert_int_equal(otio_check(doc->root, doc->mark, stop, &calls), -7);
    assert_int_equal(calls, 2);
}

/* Strict: the first is the error, with its line. */
static void test_first(void **state)
{
    (void)state;
    static const struct {
        const char *json, *want;
    } files[] = {
        {"{'OTIO_SCHEMA':'Stack.1',\n'children':[\n null,\n {'OTIO_SCHEMA':'Gap.1',\n"
         "  'enabled':1}]}",
         "line 3, at '/children/0': a clip, gap, stack, track or transition is wanted, this is "
         "null (--strict)"},
        {"{'OTIO_SCHEMA':'Stack.1',\r\n'metadata':{'enabled':1,'a~/':[1, {'enabled':1}]},\r\n"
         "'children':[\r\n {'OTIO_SCHEMA':'Gap.1',\r\n  'enabled':\r\n1}]}",
         "line 6, at '/children/0/enabled': true or false is wanted, this is an integer "
         "(--strict)"},
        {"\n{'metadata':{'a~/':[1,\n{'OTIO_SCHEMA':'Gap.9'}]},'OTIO_SCHEMA':'Stack.1','children':["
         "]}",
         "line 3, at '/metadata/a~0~1/1': 'Gap.9' is unsupported: the latest version is Gap.1 "
         "(--strict)"},
        {"\n\n{'OTIO_SCHEMA':'Stack.1'}",
         "line 3, at '': no 'children', which 'Stack.1' must have (--strict)"},
        {"{'OTIO_SCHEMA':'Stack.1','ch\\u0069ldren':[{'OTIO_SCHEMA':'Gap.2'}]}",
         "at '/children/0': 'Gap.2' is unsupported: the latest version is Gap.1 (--strict)"},
        {"\xef\xbb\xbf{'OTIO_SCHEMA':'Stack.1','children':[]}",
         "line 1, at '': the file begins with a byte order mark (--strict)"},
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        AUTO(free) char *text = quoted(files[i].json);
        AUTO(otio_doc) struct otio_doc *doc = read_text(text);
        struct otio_deviations d;
        struct err e;
        assert_int_equal(otio_deviations(doc, text, strlen(text), true, &d, &e), -EBADMSG);
        assert_string_equal(e.text, files[i].want);
        otio_deviations_done(&d);
        assert_int_equal(otio_deviations(doc, text, strlen(text), false, &d, &e), 0);
        assert_true(d.n > 0);
        otio_deviations_done(&d);
    }
}

/* All are counted, the first are kept. */
static void test_many(void **state)
{
    (void)state;
    AUTO(buf) struct buf b = {0};
    buf_adds(&b, "{'OTIO_SCHEMA':'Stack.1','children':[null");
    for (int i = 1; i < 250; i++)
        buf_adds(&b, ",null");
    buf_adds(&b, "]}");
    AUTO(free) char *text = quoted(b.p);
    AUTO(otio_doc) struct otio_doc *doc = read_text(text);
    struct otio_deviations d;
    struct err e;
    assert_int_equal(otio_deviations(doc, text, strlen(text), false, &d, &e), 0);
    assert_int_equal(d.n, 250);
    assert_int_equal(otio_deviations_kept(&d), OTIO_DEVIATIONS_KEPT);
    assert_string_equal(d.v[99].pointer, "/children/99");
    otio_deviations_done(&d);
    assert_int_equal(d.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
