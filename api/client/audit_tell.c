/* SPDX-License-Identifier: Apache-2.0 */
#include "api/client/audit_tell.h"

#include "api/client/say.h"

#define FINDINGS_SHOWN 50

static const char *where(struct scope *s, const struct audit_finding *f)
{
    return f->has_index ? scope_printf(s, "entry %llu", (unsigned long long)f->index) : "the log";
}

static void tell_findings(struct scope *s, const struct audit_report *r)
{
    uint64_t shown = 0;

    for (const struct audit_finding *f = r->first; f && shown < FINDINGS_SHOWN; f = f->next, shown++) {
        const struct audit_rule *rule = &audit_rules[f->rule];
        say("FINDING    %s: %s", where(s, f), rule->sentence);
        say("           rule %s (by %s); expected %s, found %s", rule->name, audit_with_name(rule->with),
            printable(s, f->expected ? f->expected : "-"), printable(s, f->found ? f->found : "-"));
    }
    if (r->findings > shown)
        say("           and %llu more", (unsigned long long)(r->findings - shown));
}

static void tell_checked(struct scope *s, const struct audit_report *r)
{
    unsigned by[WITHS] = { 0 };

    if (r->from == r->to) {
        say("rules      none on entries: none is new; --from-start checks the older ones again, as this reader may");
        return;
    }
    for (size_t i = 0; i < RULES; i++)
        by[audit_rules[i].with]++;
    say("rules      %u by entries alone, %u by entries and lists, %u by disclosures, %u by both%s", by[WITH_ENTRIES],
        by[WITH_LISTS], by[WITH_DISCLOSURES], by[WITH_BOTH],
        r->undisclosed && !r->disclosed ? "; no disclosures were had" : "");
    if (r->undisclosed)
        say("private    %s not disclosed to this reader: what rests on them was not checked",
            count_text(s, r->undisclosed, "entry with fields", "entries with fields"));
    if (r->disclosed)
        say("disclosed  %s opened and checked", count_text(s, r->disclosed, "entry", "entries"));
    if (r->unlisted)
        say("lists      %s not to be had by this reader: what rests on them was not checked",
            count_text(s, r->unlisted, "list", "lists"));
    if (r->listed)
        say("lists      %s fetched and checked", count_text(s, r->listed, "list", "lists"));
    if (r->erased_entries)
        say("erased     %s lost private fields or rows, as erasures in the log list",
            count_text(s, r->erased_entries, "entry", "entries"));
    for (size_t i = 0; i < RULES; i++)
        if (r->erased[i] || r->unshown[i])
            say("           %-21s not checked on %llu erased, %llu not shown", audit_rules[i].name,
                (unsigned long long)r->erased[i], (unsigned long long)r->unshown[i]);
}

static void tell_mirror(const struct mirror *m, bool mirrored)
{
    if (m)
        say("mirror     %s, %llu files written%s", m->path, (unsigned long long)m->written,
            mirrored ? "" : "; left at the checkpoint that it had");
}

static void tell_draw(struct scope *s, const struct draw_result *d)
{
    if (!d)
        return;
    say("drawn      %zu of %s, by nonce %s", d->draw->got, count_text(s, d->draw->population, "access", "accesses"),
        hash_hex(s, &d->nonce.commitment));
    say("           seed %s", hash_hex(s, &d->draw->seed));
    say("           %llu with a finding, %llu without all that they are to be checked with",
        (unsigned long long)d->bad, (unsigned long long)d->unseen);
    say("bound      at most %llu of %llu are bad, %.4f %%, with 95 %% confidence; what was not seen counts as bad",
        (unsigned long long)d->bound, (unsigned long long)d->draw->population,
        d->draw->population ? 100.0 * (double)d->bound / (double)d->draw->population : 0.0);
    if (d->elsewhere)
        say("           about the draw alone: other entries have findings");
}

void audit_tell(struct scope *s, const struct audit_report *r, const struct audit_told *t)
{
    const struct audit_state *st = t->state;

    if (r->has_checkpoint)
        say("log        %s, %s", r->checkpoint.origin, count_text(s, r->checkpoint.size, "entry", "entries"));
    say("key        %s%s", t->vkey,
        t->trusted_now ? "\n           believed on first use; --key takes one that you had from elsewhere" : "");
    if (r->has_checkpoint)
        say("root       %s", hash_hex(s, &r->checkpoint.root));
    say("replayed   %llu to %llu", (unsigned long long)r->from, (unsigned long long)r->to);
    for (size_t i = 0; i < ENTRY_TYPES; i++)
        if (r->entries[i])
            say("           %-21s %llu", entry_spec((enum entry_type)i)->name, (unsigned long long)r->entries[i]);
    tell_checked(s, r);
    tell_findings(s, r);
    if (st->evidence)
        say("evidence   %s", st->evidence);
    if (r->earlier_findings)
        say("earlier    %s in runs before this one", count_text(s, r->earlier_findings, "finding", "findings"));
    say("state      %s", st->path);
    tell_mirror(t->mirror, t->mirrored);
    tell_draw(s, t->drawn);
    if (r->findings || r->earlier_findings)
        say("verdict    NOT SOUND: %s", count_text(s, r->findings + r->earlier_findings, "finding", "findings"));
    else
        say("verdict    sound");
}

static json_t *finding_json(const struct audit_finding *f)
{
    json_t *j = json_pack("{s:s,s:s,s:s,s:s*,s:s*}", "rule", audit_rules[f->rule].name, "sentence",
                          audit_rules[f->rule].sentence, "checked_with", audit_with_name(audit_rules[f->rule].with),
                          "expected", f->expected, "found", f->found);

    if (f->has_index)
        json_object_set_new(j, "index", json_integer((json_int_t)f->index));
    return j;
}

static json_t *draw_json(struct scope *s, const struct draw_result *d)
{
    json_t *j = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:b,s:s,s:[]}", "commitment", hash_hex(s, &d->nonce.commitment),
                          "seed", hash_hex(s, &d->draw->seed), "population", (json_int_t)d->draw->population, "bad",
                          (json_int_t)d->bad, "unseen", (json_int_t)d->unseen, "bound", (json_int_t)d->bound,
                          "findings_elsewhere", d->elsewhere, "confidence", "0.95", "indexes");

    for (size_t i = 0; i < d->draw->got; i++)
        json_array_append_new(json_object_get(j, "indexes"), json_integer((json_int_t)d->draw->rows[i].index));
    return j;
}

/* {rule: {"erased":…,"not_shown":…}}: on how many entries a rule was not checked, and why. */
static json_t *unchecked_json(const struct audit_report *r)
{
    json_t *out = json_object();

    for (size_t i = 0; i < RULES; i++)
        if (r->erased[i] || r->unshown[i])
            json_object_set_new(out, audit_rules[i].name,
                                json_pack("{s:I,s:I}", "erased", (json_int_t)r->erased[i], "not_shown",
                                          (json_int_t)r->unshown[i]));
    return out;
}

void audit_tell_json(struct scope *s, const struct audit_report *r, const struct audit_told *t)
{
    const struct audit_state *st = t->state;
    bool sound = r->findings == 0 && r->earlier_findings == 0;
    json_t *report = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s*,s:[],s:{}}", "verdict",
                               sound ? "sound" : "findings", "key", t->vkey, "from", (json_int_t)r->from, "to",
                               (json_int_t)r->to, "findings_count", (json_int_t)r->findings, "earlier_findings",
                               (json_int_t)r->earlier_findings, "disclosed", (json_int_t)r->disclosed, "undisclosed",
                               (json_int_t)r->undisclosed, "listed", (json_int_t)r->listed, "unlisted",
                               (json_int_t)r->unlisted, "state", st->path, "evidence", st->evidence,
                               "findings", "entries");

    json_object_set_new(report, "erased", json_integer((json_int_t)r->erased_entries));
    json_object_set_new(report, "unchecked", unchecked_json(r));
    if (r->has_checkpoint)
        json_object_set_new(report, "checkpoint",
                            json_pack("{s:s,s:I,s:s}", "origin", r->checkpoint.origin, "size",
                                      (json_int_t)r->checkpoint.size, "root", hash_hex(s, &r->checkpoint.root)));
    if (t->mirror)
        json_object_set_new(report, "mirror",
                            json_pack("{s:s,s:b,s:I}", "folder", t->mirror->path, "complete", t->mirrored, "written",
                                      (json_int_t)t->mirror->written));
    if (t->drawn)
        json_object_set_new(report, "draw", draw_json(s, t->drawn));
    for (const struct audit_finding *f = r->first; f; f = f->next)
        json_array_append_new(json_object_get(report, "findings"), finding_json(f));
    for (size_t i = 0; i < ENTRY_TYPES; i++)
        json_object_set_new(json_object_get(report, "entries"), entry_spec((enum entry_type)i)->name,
                            json_integer((json_int_t)r->entries[i]));
    say_json(report);
    json_decref(report);
}
