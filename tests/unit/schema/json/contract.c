/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tap.h"

#include <pthread.h>

#include "schema/base/limits.h"
#include "schema/json/canon.h"
#include "schema/json/contract.h"


/* Single quotes stand for double ones. */
static const char document[] =
    "{'openapi':'3.1.0','info':{'title':'t','version':'1'},'paths':{"
    "'/':{'get':{'operationId':'root','x-role':'','responses':{'default':{'description':'d'}}}},"
    "'/v1/things':{"
    "  'parameters':[{'$ref':'#/components/parameters/Limit'}],"
    "  'get':{'operationId':'list_things','x-role':'','parameters':["
    "    {'name':'kind','in':'query','schema':{'type':'string','enum':['a','b']}},"
    "    {'name':'expand','in':'query','schema':{'type':'array','items':{'type':'string','maxLength':3}}},"
    "    {'name':'deep','in':'query','schema':{'type':'boolean'}},"
    "    {'name':'text','in':'query','schema':{'type':'string'}}],"
    "    'responses':{'200':{'description':'d','content':{'application/json':{'schema':{'type':'array',"
    "'items':{'$ref':'#/components/schemas/Thing'}}}}},"
    "                 '4XX':{'$ref':'#/components/responses/Problem'},'204':{'description':'nothing'}}},"
    "  'post':{'operationId':'make_thing','x-role':'publisher','x-idempotency-key':true,"
    "    'requestBody':{'required':true,"
    "'content':{'application/json':{'schema':{'$ref':'#/components/schemas/Thing','description':'one'}}}},"
    "    'responses':{'201':{'description':'d'}}}},"
    "'/v1/things/special':{'get':{'operationId':'special','x-role':'any','responses':{'200':{'description':'d'}}}},"
    "'/v1/things/{thing}':{'get':{'operationId':'show_thing','x-role':'any','parameters':["
    "    {'name':'thing','in':'path','required':true,'schema':{'type':'string','pattern':'^[a-z0-9 /%]+$',"
    "'maxLength':20}},"
    "    {'name':'If-Match','in':'header','schema':{'type':'string'}}],'responses':{'200':{'description':'d'}}},"
    "  'delete':{'operationId':'drop_thing','x-role':'operator','parameters':["
    "    {'name':'thing','in':'path','required':true,'schema':{'type':'string'}},"
    "    {'name':'why','in':'query','required':true,'schema':{'type':'string','minLength':1}}],"
    "'responses':{'204':{'description':'d'}}}},"
    "'/v1/things/{thing}/special/end':{'post':{'operationId':'end_special','x-role':'any','parameters':["
    "    {'name':'thing','in':'path','required':true,'schema':{'type':'string'}}],"
    "'responses':{'200':{'description':'d'}}}},"
    "'/v1/things/{thing}/files/{path}':{'get':{'operationId':'get_file','x-role':'any','x-fast':true,'parameters':["
    "    {'name':'path','in':'path','required':true,'x-rest':true,'schema':{'type':'string','maxLength':100}},"
    "    {'name':'thing','in':'path','required':true,'schema':{'type':'integer','minimum':-5,'maximum':5}}],"
    "'responses':{'200':{'description':'d'}}}},"
    "'/v1/raw':{'head':{'operationId':'head_raw','x-role':'','responses':{'200':{'description':'d'}}},"
    "  'put':{'operationId':'put_raw','x-role':'','x-raw-body':true,"
    "    'requestBody':{'required':true,'content':{'application/octet-stream':{'schema':{'type':'string'}}}},"
    "'responses':{'200':{'description':'d'}}}}"
    "},'components':{'parameters':{'Limit':{'name':'limit','in':'query','schema':{'type':'integer','minimum':1,"
    "'maximum':1000}}},"
    "'responses':{'Problem':{'description':'p','content':{'application/problem+json':{'schema':{'type':'object',"
    "'properties':{'status':{'type':'integer'}},'required':['status'],'additionalProperties':true}}}}},"
    "'schemas':{'Thing':{'type':'object','required':['name'],'properties':{"
    "  'name':{'type':'string','minLength':1,'maxLength':3,'description':'n','example':'abc'},"
    "  'size':{'type':'integer','minimum':0,'maximum':10},"
    "  'note':{'type':['string','null']},"
    "  'state':{'enum':['on','off',null]},"
    "  'version':{'const':1},"
    "  'id':{'type':'string','pattern':'^x_[0-9a-f]{4}$'},"
    "  'flag':{'type':'boolean'},"
    "  'any':{},"
    "  'tags':{'type':'array','items':{'type':'string'},'minItems':1,'maxItems':2},"
    "  'open':{'type':'object','additionalProperties':true},"
    "  'counts':{'type':'object','additionalProperties':{'type':'integer'}},"
    "  'a/b~c':{'type':'object','properties':{'x':{'type':'integer'}}},"
    "  'child':{'$ref':'#/components/schemas/Thing'}}}}}}";

static char *quoted(struct scope *s, const char *text)
{
    char *copy = scope_strdup(s, text);

    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

static struct contract *load(struct scope *s, const char *text)
{
    struct contract *c = NULL;
    const char *json = quoted(s, text);

    return contract_load(s, json, strlen(json), &c) == ERR_OK ? c : NULL;
}

static const struct { const char *method, *path, *query; err want; const char *id, *say; } match_rows[] = {
    { "GET", "/", NULL, ERR_OK, "root", "" },
    { "HEAD", "/", "", ERR_OK, "root", "" },
    { "POST", "/", NULL, ERR_METHOD, NULL, "GET, HEAD" },
    { "BREW", "/", NULL, ERR_METHOD, NULL, "GET, HEAD" },
    { "get", "/", NULL, ERR_METHOD, NULL, "GET, HEAD" },
    { "GET", "//", NULL, ERR_NOT_FOUND, NULL, "" },
    { "GET", "/v1", NULL, ERR_NOT_FOUND, NULL, "" },
    { "GET", "/v1/things", NULL, ERR_OK, "list_things", "" },
    { "GET", "/%761/th%69ngs", NULL, ERR_OK, "list_things", "" },
    { "GET", "/v1/things/", NULL, ERR_NOT_FOUND, NULL, "" },
    { "GET", "/v1//things", NULL, ERR_NOT_FOUND, NULL, "" },
    { "GET", "/V1/things", NULL, ERR_NOT_FOUND, NULL, "" },
    { "GET", "/v1/thingsx", NULL, ERR_NOT_FOUND, NULL, "" },
    { "GET", "/v1/thing", NULL, ERR_NOT_FOUND, NULL, "" },
    { "DELETE", "/v1/things", NULL, ERR_METHOD, NULL, "GET, HEAD, POST" },
    { "GET", "/v1/things/special", NULL, ERR_OK, "special", "" },
    { "DELETE", "/v1/things/special", "why=x", ERR_OK, "drop_thing", "" },
    { "POST", "/v1/things/special/special/end", NULL, ERR_OK, "end_special", "" },
    { "GET", "/v1/things/other", NULL, ERR_OK, "show_thing", "other" },
    { "GET", "/v1/things/a%2Fb%20c", NULL, ERR_OK, "show_thing", "a/b c" },
    { "GET", "/v1/things/a%25b", NULL, ERR_OK, "show_thing", "a%b" },
    { "GET", "/v1/things/Other", NULL, ERR_INVALID, "show_thing", "{thing}" },
    { "GET", "/v1/things/aaaaaaaaaaaaaaaaaaaaa", NULL, ERR_INVALID, "show_thing", "{thing}" },
    { "GET", "/v1/things/..", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "/v1/things/%2e%2E", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "/v1/things/a%2F..%2Fb", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "/v1/./things", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "/v1/things/a%00b", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "/v1/things/a%f", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "/v1/things/a%gg", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "/v1/things/a%", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "/v1/things/%ff", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "v1", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "", NULL, ERR_MALFORMED, NULL, "" },
    { "GET", "/v1/things/-3/files/a/b%2Fc/..d", NULL, ERR_OK, "get_file", "a/b/c/..d" },
    { "GET", "/v1/things/3/files/%E2%82%AC+", NULL, ERR_OK, "get_file", "\xe2\x82\xac+" },
    { "GET", "/v1/things/6/files/a", NULL, ERR_INVALID, "get_file", "{thing}" },
    { "GET", "/v1/things/03/files/a", NULL, ERR_INVALID, "get_file", "{thing}" },
    { "GET", "/v1/things/99999999999999999999/files/a", NULL, ERR_INVALID, "get_file", "{thing}" },
    { "GET", "/v1/things/3/files/", NULL, ERR_NOT_FOUND, NULL, "" },
    { "GET", "/v1/things/3/files", NULL, ERR_NOT_FOUND, NULL, "" },
    { "PUT", "/v1/things/3/files/a", NULL, ERR_METHOD, NULL, "GET, HEAD" },
    { "HEAD", "/v1/raw", NULL, ERR_OK, "head_raw", "" },
    { "GET", "/v1/raw", NULL, ERR_METHOD, NULL, "HEAD, PUT" },
    { "GET", "/v1/things", "limit=10&kind=a", ERR_OK, "list_things", "" },
    { "GET", "/v1/things", "limit=1000&&", ERR_OK, "list_things", "" },
    { "GET", "/v1/things", "expand=a&expand=b&deep=true", ERR_OK, "list_things", "" },
    { "GET", "/v1/things", "text=a+b%2Bc%26", ERR_OK, "list_things", "" },
    { "GET", "/v1/things", "text", ERR_OK, "list_things", "" },
    { "GET", "/v1/things", "limit=1001", ERR_INVALID, "list_things", "?limit" },
    { "GET", "/v1/things", "limit=0", ERR_INVALID, "list_things", "?limit" },
    { "GET", "/v1/things", "limit=", ERR_INVALID, "list_things", "?limit" },
    { "GET", "/v1/things", "limit=1e1", ERR_INVALID, "list_things", "?limit" },
    { "GET", "/v1/things", "limit=1&limit=2", ERR_INVALID, "list_things", "?limit" },
    { "GET", "/v1/things", "kind=c", ERR_INVALID, "list_things", "?kind" },
    { "GET", "/v1/things", "deep=yes", ERR_INVALID, "list_things", "?deep" },
    { "GET", "/v1/things", "expand=abcd", ERR_INVALID, "list_things", "?expand" },
    { "GET", "/v1/things", "foo=1", ERR_INVALID, "list_things", "?foo" },
    { "GET", "/v1/things", "If-Match=1", ERR_INVALID, "list_things", "?If-Match" },
    { "GET", "/v1/things", "text=%zz", ERR_MALFORMED, "list_things", "" },
    { "GET", "/v1/things", "text=%00", ERR_MALFORMED, "list_things", "" },
    { "GET", "/v1/things", "text=%c3", ERR_MALFORMED, "list_things", "" },
    { "GET", "/v1/things",
     "expand=a&expand=a&expand=a&expand=a&expand=a&expand=a&expand=a&expand=a&expand=a&expand=a&expand=a&expand=a&"
     "expand=a",
      ERR_INVALID, "list_things", "?expand" },
    { "DELETE", "/v1/things/a", NULL, ERR_INVALID, "drop_thing", "?why" },
};

static void test_match(const struct contract *c)
{
    struct scope s;

    scope_init(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(match_rows); i++) {
        struct match m;
        err e = contract_match(&s, c, match_rows[i].method, match_rows[i].path, match_rows[i].query, &m);
        const char *said = e == ERR_METHOD ? m.allow : e == ERR_INVALID ? s.why.pointer : e == ERR_OK && m.n_path ?
            m.path[m.n_path - 1].value : "";

        ok(e == match_rows[i].want, "%s %s?%s is %s: %s", match_rows[i].method, match_rows[i].path,
           match_rows[i].query ? match_rows[i].query : "", err_name(e), s.why.detail);
        ok(match_rows[i].id ? m.op && strcmp(m.op->id, match_rows[i].id) == 0 : !m.op, "its operation");
        if (*match_rows[i].say)
            is_str(said, match_rows[i].say, "what it says");
        ok(utf8_valid(s.why.detail, strlen(s.why.detail)), "in UTF-8");
        scope_clear(&s);
    }
    scope_free(&s);
}

static void test_values(const struct contract *c)
{
    struct scope s;
    struct match m;

    scope_init(&s, 0);
    ok(contract_match(&s, c, "GET", "/v1/things", "text=a+b%2Bc%26&limit=7", &m) == ERR_OK, "a query");
    is_str(match_query(&m, "text"), "a b+c&", "is decoded");
    is_int(match_query_int(&m, "limit", 100), 7, "a number of it");
    is_int(match_query_int(&m, "kind", 100), 100, "and what is absent");
    ok(!match_query(&m, "kind") && !match_path(&m, "thing"), "absent is NULL");
    ok(contract_match(&s, c, "GET", "/v1/things/-3/files/x", NULL, &m) == ERR_OK, "a path of two");
    is_str(match_path(&m, "thing"), "-3", "the first by its name");
    is_str(match_path(&m, "path"), "x", "the second by its name");
    scope_free(&s);
}

static const struct { const char *body; err want; const char *pointer; } body_rows[] = {
    { "{'name':'abc'}", ERR_OK, "" },
    { "{'name':'\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac'}", ERR_OK, "" },
    { "{'name':'abcd'}", ERR_INVALID, "/name" },
    { "{'name':''}", ERR_INVALID, "/name" },
    { "{'name':null}", ERR_INVALID, "/name" },
    { "{}", ERR_INVALID, "/name" },
    { "[]", ERR_INVALID, "" },
    { "'x'", ERR_INVALID, "" },
    { "{'name':'a','nam':'b'}", ERR_INVALID, "/nam" },
    { "{'name':'a','size':10}", ERR_OK, "" },
    { "{'name':'a','size':11}", ERR_INVALID, "/size" },
    { "{'name':'a','size':-1}", ERR_INVALID, "/size" },
    { "{'name':'a','size':'1'}", ERR_INVALID, "/size" },
    { "{'name':'a','size':true}", ERR_INVALID, "/size" },
    { "{'name':'a','note':null,'state':null}", ERR_OK, "" },
    { "{'name':'a','note':1}", ERR_INVALID, "/note" },
    { "{'name':'a','state':'on'}", ERR_OK, "" },
    { "{'name':'a','state':'On'}", ERR_INVALID, "/state" },
    { "{'name':'a','version':1}", ERR_OK, "" },
    { "{'name':'a','version':2}", ERR_INVALID, "/version" },
    { "{'name':'a','version':'1'}", ERR_INVALID, "/version" },
    { "{'name':'a','id':'x_00ff'}", ERR_OK, "" },
    { "{'name':'a','id':'x_00fg'}", ERR_INVALID, "/id" },
    { "{'name':'a','id':'x_00ff\\n'}", ERR_INVALID, "/id" },
    { "{'name':'a','flag':0}", ERR_INVALID, "/flag" },
    { "{'name':'a','any':{'x':[{}]}}", ERR_OK, "" },
    { "{'name':'a','tags':[]}", ERR_INVALID, "/tags" },
    { "{'name':'a','tags':['a','b']}", ERR_OK, "" },
    { "{'name':'a','tags':['a','b','c']}", ERR_INVALID, "/tags" },
    { "{'name':'a','tags':['a',1]}", ERR_INVALID, "/tags/1" },
    { "{'name':'a','open':{'x':{'y':1}}}", ERR_OK, "" },
    { "{'name':'a','counts':{'x':1,'y':2}}", ERR_OK, "" },
    { "{'name':'a','counts':{'x':'1'}}", ERR_INVALID, "/counts/x" },
    { "{'name':'a','a/b~c':{'x':'y'}}", ERR_INVALID, "/a~1b~0c/x" },
    { "{'name':'a','child':{'name':'b','child':{'name':'c'}}}", ERR_OK, "" },
    { "{'name':'a','child':{'name':'b','child':{'size':1}}}", ERR_INVALID, "/child/child/name" },
};

static void test_bodies(const struct contract *c)
{
    struct scope s;
    struct match m;
    const struct operation_spec *op;

    scope_init(&s, 0);
    ok(contract_match(&s, c, "POST", "/v1/things", NULL, &m) == ERR_OK, "an operation with a body");
    op = m.op;
    ok(op && op->has_body && op->body_required && op->idempotent_key && !op->raw_body &&
       strcmp(op->role, "publisher") == 0, "as declared");
    for (size_t i = 0; i < ARRAY_LEN(body_rows); i++) {
        const char *text = quoted(&s, body_rows[i].body);
        json_t *body = NULL;
        err e = json_read(&s, text, strlen(text), &body);

        if (e == ERR_OK)
            e = contract_check_body(&s, c, op, body);
        ok(e == body_rows[i].want, "%s is %s: %s", text, err_name(e), s.why.detail);
        is_str(s.why.pointer, body_rows[i].pointer, "where");
        json_decref(body);
        scope_clear(&s);
    }
    ok(contract_check_body(&s, c, op, NULL) == ERR_INVALID, "a required body that is absent");
    ok(contract_takes(op, "application/json") && contract_takes(op, "Application/JSON; charset=utf-8"), "takes JSON");
    ok(!contract_takes(op, "text/plain") && !contract_takes(op, NULL) && !contract_takes(op, "application/jsonx") &&
       !contract_takes(op, ""),
       "and nothing else");
    scope_clear(&s);
    ok(contract_match(&s, c, "PUT", "/v1/raw", NULL, &m) == ERR_OK && m.op->raw_body && !m.op->has_body, "a raw body");
    ok(contract_takes(m.op, "application/octet-stream") && !contract_takes(m.op, "application/json"), "of its type");
    scope_free(&s);
}

static bool answers(struct scope *s, const struct contract *c, const char *path, int status, const char *text)
{
    struct match m;
    json_t *body = NULL;
    bool good;

    if (contract_match(s, c, "GET", path, NULL, &m) != ERR_OK)
        return false;
    if (text && json_read(s, quoted(s, text), strlen(text), &body) != ERR_OK)
        return false;
    good = contract_check_answer(s, c, m.op, status, body) == ERR_OK;
    json_decref(body);
    scope_forgive(s);
    return good;
}

static void test_answers(const struct contract *c)
{
    struct scope s;

    scope_init(&s, 0);
    ok(answers(&s, c, "/v1/things", 200, "[{'name':'a'}]"), "an answer as declared");
    ok(!answers(&s, c, "/v1/things", 200, "[{'name':'a','x':1}]"), "one field too many");
    ok(!answers(&s, c, "/v1/things", 200, NULL), "no body where one is declared");
    ok(answers(&s, c, "/v1/things", 204, NULL), "no body");
    ok(!answers(&s, c, "/v1/things", 204, "[]"), "a body where none is declared");
    ok(answers(&s, c, "/v1/things", 404, "{'status':404,'more':1}"), "a class of answers");
    ok(!answers(&s, c, "/v1/things", 404, "{}"), "checked as well");
    ok(!answers(&s, c, "/v1/things", 500, NULL), "a status that is not declared");
    ok(answers(&s, c, "/", 599, NULL), "default takes any");
    scope_free(&s);
}

#define OPERATION(more) "'/x':{'get':{'operationId':'x','x-role':''," more "'responses':{'200':{'description':'d'}}}}"
#define WITH_SCHEMA(schema) HEAD "'paths':{" OPERATION("") "},'components':{'schemas':{'T':" schema "}}}"
#define HEAD "{'openapi':'3.1.0','info':{},"
static const struct { const char *document, *say; } load_rows[] = {
    { HEAD "'paths':{" OPERATION("") "}}", NULL },
    { HEAD "'paths':{}}", "/paths" },
    { "{'openapi':'3.0.0','paths':{" OPERATION("") "}}", "3.1" },
    { HEAD "'webhooks':{},'paths':{" OPERATION("") "}}", "webhooks" },
    { HEAD "'paths':{" OPERATION("'x-rol':'',") "}}", "x-rol" },
    { HEAD "'paths':{" OPERATION("'x-fast':1,") "}}", "x-fast" },
    { HEAD "'paths':{" OPERATION("'callbacks':{},") "}}", "callbacks" },
    { HEAD "'paths':{'/x':{'get':{'operationId':'x','responses':{'200':{}}}}}}", "x-role" },
    { HEAD "'paths':{'/x':{'get':{'operationId':'x','x-role':'root','responses':{'200':{}}}}}}", "x-role" },
    { HEAD "'paths':{'/x':{'get':{'operationId':'X','x-role':'','responses':{'200':{}}}}}}", "operationId" },
    { HEAD "'paths':{'/x':{'get':{'operationId':'x','x-role':'','responses':{'600':{}}}}}}", "no status" },
    { HEAD "'paths':{'/x':{'get':{'operationId':'x','x-role':''}}}}", "has answers" },
    { HEAD "'paths':{'/x':{'trace':{}}}}", "trace" },
    { HEAD "'paths':{'x':{}}}", "a path is" },
    { HEAD "'paths':{'/x/':{}}}", "a path is" },
    { HEAD "'paths':{'/x{y}':{}}}", "a path is" },
    { HEAD "'paths':{'/{y}z':{}}}", "a path is" },
    { HEAD "'paths':{'/{}':{}}}", "a path is" },
    { HEAD "'paths':{'/{y}':{'get':{'operationId':'x','x-role':'','responses':{'200':{}}}}}}", "not declared" },
    { HEAD "'paths':{" OPERATION("'parameters':[{'name':'q','in':'cookie','schema':{}}],") "}}", "'in'" },
    { HEAD "'paths':{" OPERATION("'parameters':[{'name':'q','in':'path','required':true,'schema':{}}],") "}}", "{q}" },
    { HEAD "'paths':{" OPERATION("'parameters':[{'name':'q','in':'query'}],") "}}", "schema" },
    { HEAD "'paths':{" OPERATION("'parameters':[{'$ref':'#/components/parameters/Q'}],") "}}", "there is no" },
    { HEAD "'paths':{" OPERATION("") ",'/y':{'get':{'operationId':'x','x-role':''," "'responses':{'200':{}}}}}}",
     "twice" },
    { HEAD "'paths':{'/x/{a}':{'get':{'operationId':'a','x-role':'','parameters':[{'name':'a','in':'path',"
      "'required':true,'schema':{}}],'responses':{'200':{}}}},"
      "'/x/{b}':{'get':{'operationId':'b','x-role':'','parameters':[{'name':'b','in':'path','required':true,"
      "'schema':{}}],'responses':{'200':{}}}}}}", "one path" },
    { HEAD "'paths':{'/x':{'post':{'operationId':'x','x-role':'',"
      "'requestBody':{'content':{'text/plain':{'schema':{}}}},'responses':{'200':{}}}}}}", "x-raw-body" },
    { HEAD "'paths':{" OPERATION("'x-fast':true,'requestBody':{'content':{'application/json':{'schema':{}}}},") "}}",
     "x-fast" },
    { WITH_SCHEMA("{'type':'string'}"), NULL },
    { WITH_SCHEMA("{'oneOf':[]}"), "oneOf" },
    { WITH_SCHEMA("{'type':'text'}"), "no type" },
    { WITH_SCHEMA("{'type':[]}"), "must name a type" },
    { WITH_SCHEMA("{'type':'string','minimum':1}"), "says nothing" },
    { WITH_SCHEMA("{'properties':{}}"), "says nothing" },
    { WITH_SCHEMA("{'type':'object','required':['a']}"), "'a'" },
    { WITH_SCHEMA("{'type':'object','properties':{'a':{'$ref':'#/x'}}}"), "$ref must" },
    { WITH_SCHEMA("{'type':'object','properties':{'a':{'$ref':'#/components/schemas/U'}}}"), "there is no" },
    { WITH_SCHEMA("{'type':'object','properties':{'a':{'$ref':'#/components/schemas/T','type':'string'}}}"),
     "beside $ref" },
    { WITH_SCHEMA("{'$ref':'#/components/schemas/T'}"), "another name" },
    { WITH_SCHEMA("{'type':'string','maxLength':-1}"), "whole number" },
    { WITH_SCHEMA("{'type':'integer','minimum':'1'}"), "whole number" },
    { WITH_SCHEMA("{'enum':[]}"), "list of values" },
    { WITH_SCHEMA("{'type':'string','pattern':'^([a-z]{2}|W-[]x)?$'}"), "begins with ]" },
    { WITH_SCHEMA("{'type':'string','pattern':'^([A-Z]{2}|WORLD[.]x)*[^/]+\\\\.$'}"), NULL },
    { WITH_SCHEMA("{'type':'string','pattern':'\\\\d'}"), "escape" },
    { WITH_SCHEMA("{'type':'string','pattern':'(a)\\\\1'}"), "escape" },
    { WITH_SCHEMA("{'type':'string','pattern':'[\\\\w]'}"), "brackets" },
    { WITH_SCHEMA("{'type':'string','pattern':'[[:alpha:]]'}"), "brackets" },
    { WITH_SCHEMA("{'type':'string','pattern':'(?:a)'}"), "quantifier" },
    { WITH_SCHEMA("{'type':'string','pattern':'a*?'}"), "quantifier" },
    { WITH_SCHEMA("{'type':'string','pattern':'\\\\(?a\\\\}'}"), NULL },
    { WITH_SCHEMA("{'type':'string','pattern':'(a'}"), "pattern" },
    { WITH_SCHEMA("{'type':'string','pattern':'[a'}"), "bracket" },
    { WITH_SCHEMA("{'type':'string','pattern':'a{1'}"), "count" },
    { WITH_SCHEMA("{'type':'string','pattern':'\xc3\xa9'}"), "ASCII" },
    { "{", "line 1" },
};

static void test_load(void)
{
    struct scope s;

    scope_init(&s, 0);
    for (size_t i = 0; i < ARRAY_LEN(load_rows); i++) {
        struct contract *c = load(&s, load_rows[i].document);

        ok(!c == (load_rows[i].say != NULL), "document %zu: %s", i, s.why.detail);
        if (load_rows[i].say)
            ok(strstr(s.why.detail, load_rows[i].say), "says %s", load_rows[i].say);
        contract_free(c);
        scope_clear(&s);
    }
    scope_free(&s);
}

static void *match_often(void *arg)
{
    struct scope s;
    size_t good = 0;

    scope_init(&s, 0);
    for (int i = 0; i < 2000; i++) {
        struct match m;

        good += contract_match(&s, arg, "GET", "/v1/things/abc", NULL, &m) == ERR_OK;
        scope_clear(&s);
    }
    scope_free(&s);
    return good == 2000 ? arg : NULL;
}

static void test_threads(struct contract *c)
{
    pthread_t threads[4];
    void *back;
    bool good = true;

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_create(&threads[i], NULL, match_often, c);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], &back);
        good = good && back;
    }
    ok(good, "several threads match at once");
}

int main(void)
{
    struct scope s;
    struct contract *c;
    const struct operation_spec *ops;
    size_t n = 0, len;

    scope_init(&s, 0);
    c = load(&s, document);
    ok(c, "the document loads: %s", s.why.detail);
    if (c) {
        ops = contract_operations(c, &n);
        is_int((int64_t)n, 10, "its operations");
        is_str(ops[0].id, "root", "in their order");
        is_str(contract_text(c, &len), quoted(&s, document), "its text is kept");
        test_match(c);
        test_values(c);
        test_bodies(c);
        test_answers(c);
        test_threads(c);
    }
    test_load();
    contract_free(c);
    scope_free(&s);
    return done_testing();
}
