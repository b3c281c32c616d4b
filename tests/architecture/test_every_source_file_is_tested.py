# SPDX-License-Identifier: Apache-2.0
"""Every source file has the unit test file of its name, or stands in this list with what tests it instead."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE, UNIT = ROOT / "src" / "gateway", ROOT / "tests" / "unit"

VALUES: tuple[str, ...] = ()
"""Values alone: types check them, and whatever makes or reads them tests them."""
LIST_ROUTE, FAULTS, OWN_FAULTS = "story/test_list_route.py", "story/test_faults.py", "story/test_own_faults.py"
LAYERS, CASBIN = "property/test_layers_only_take_away.py", "property/test_grants_equal_casbin.py"
PROPOSALS = "unit/discover/test_propose.py"
CLI = "story/cli/test_cli_{}.py".format
SCOPE = "property/test_scope_equals_files.py"
INDEX = ("property/test_log_index_equals_files.py", "unit/store/log/test_index.py")
GRANT_REQUESTS = ("story/test_grant_requests.py", "attack/test_grant_requests.py")
FIRST_CALL = "story/test_first_call.py"
LOG_READ = ("story/test_log_over_http.py", "attack/test_log_questions.py")
LOG_SEARCH = ("property/test_log_search_equals_files.py",)
PAST_DECISIONS, RECONCILE = "story/test_past_decisions.py", "story/test_reconcile.py"

INSTEAD: dict[str, tuple[str, ...]] = {
    "__main__.py": (CLI("contract"),),
    "app/evidence/archiving.py": (CLI("log_segment"),),
    "app/evidence/parts_deleting.py": (CLI("log_forget"), CLI("log_segment")),
    "app/backups.py": (CLI("db"), "story/test_restore.py"),
    "app/callers.py": (CLI("rehearse"),),
    "app/checkup/database.py": (CLI("doctor"),),
    "app/checkup/examine.py": (CLI("doctor"),),
    "app/checkup/folders.py": (CLI("doctor"),),
    "app/checkup/keyring.py": (CLI("doctor"),),
    "app/checkup/officers.py": (CLI("doctor"), CLI("rules")),
    "app/checkup/rules.py": (CLI("doctor"),),
    "app/checkup/second_log.py": (CLI("log_segment"),),
    "app/checkup/stores.py": (CLI("doctor"),),
    "app/clock.py": (LIST_ROUTE,),
    "app/doors.py": (LIST_ROUTE, FAULTS),
    "app/evidence/incidents.py": ("story/test_incident.py", CLI("incident")),
    "app/index/building.py": (CLI("log_index"), *INDEX),
    "app/installation.py": (LIST_ROUTE, CLI("installation")),
    "app/joins.py": (LIST_ROUTE,),
    "app/evidence/witness.py": ("story/test_witnessing.py", "attack/test_witness_kill.py"),
    "app/own_stores/parameters.py": ("unit/app/own_stores/test_discovering.py",),
    "app/index/reading.py": LOG_READ,
    "app/making.py": (LIST_ROUTE, CLI("installation")),
    "app/own_data.py": LOG_READ,
    "app/passing.py": ("story/test_passing_on.py", "attack/test_not_enforced.py"),
    "app/serving/processes.py": ("story/test_restart.py", "story/test_workers.py"),
    "app/proving.py": ("story/test_incident.py",),
    "app/rehearsing.py": (CLI("rehearse"), "story/test_rehearse.py"),
    "app/evidence/replaying.py": (PAST_DECISIONS,),
    "app/traces.py": (RECONCILE, "attack/test_trace_spoofing.py"),
    "app/rule_files.py": (CLI("rules"), OWN_FAULTS),
    "app/serving/serve.py": (CLI("rules"), "architecture/test_how_to.py"),
    "cli/asking.py": (CLI("installation"),),
    "cli/boards.py": (FIRST_CALL,),
    "cli/budget.py": (CLI("budgets"),),
    "cli/check.py": (CLI("rules"),),
    "cli/choice.py": (CLI("choices"),),
    "cli/client.py": (CLI("accounts"),),
    "cli/db.py": (CLI("contract"), CLI("db")),
    "cli/doctor.py": (CLI("doctor"),),
    "cli/enrolling.py": (CLI("installation"), CLI("accounts")),
    "cli/explain.py": (CLI("rules"),),
    "cli/explain_past.py": (PAST_DECISIONS,),
    "cli/explanation.py": (CLI("rules"), PAST_DECISIONS),
    "cli/log/lines.py": (CLI("log"),),
    "cli/log/search.py": (CLI("log"),),
    "cli/finding.py": (CLI("accounts"),),
    "cli/first_call.py": (FIRST_CALL,),
    "cli/grant_proposal.py": GRANT_REQUESTS,
    "cli/grant_requests.py": GRANT_REQUESTS,
    "cli/grant_review.py": ("story/test_grant_review.py",),
    "cli/incident.py": (CLI("incident"),),
    "cli/infer.py": (CLI("infer"), "architecture/test_how_to_infer.py"),
    "cli/init.py": (CLI("installation"),),
    "cli/key.py": (CLI("keys"),),
    "cli/lock.py": (CLI("accounts"),),
    "cli/log/commands.py": (CLI("log"),),
    "cli/log/export.py": (CLI("log_export"),),
    "cli/log/forget.py": (CLI("log_forget"),),
    "cli/log/retain.py": (CLI("log_segment"), CLI("log_forget")),
    "cli/log/segment.py": (CLI("log_segment"),),
    "cli/log/verify.py": (CLI("log"), CLI("log_prove")),
    "cli/log/index.py": (CLI("log_index"),),
    "cli/log/prove.py": (CLI("log_prove"),),
    "cli/log/receipt.py": (CLI("log_prove"),),
    "cli/log/reconcile.py": (RECONCILE,),
    "cli/log/replay.py": (PAST_DECISIONS,),
    "app/evidence/stamping.py": ("story/test_stamping.py",),
    "cli/log/stamp.py": ("story/test_stamping.py",),
    "forward/short.py": ("unit/forward/test_witness.py",),
    "keys/stamps.py": ("story/test_stamping.py",),
    "record/proof/outsiders.py": ("unit/record/format/test_witnessed.py", "story/test_stamping.py"),
    "cli/log/witness.py": (CLI("log_prove"), "story/test_witnessing.py"),
    "cli/log/receipt_text.py": (CLI("log_prove"),),
    "cli/main.py": (CLI("contract"),),
    "cli/proof.py": (CLI("incident"),),
    "cli/rehearse.py": (CLI("rehearse"), "story/test_rehearse.py"),
    "cli/review.py": (CLI("review"), FIRST_CALL),
    "cli/rights.py": (CLI("incident"), "story/test_incident.py"),
    "cli/serve.py": (CLI("rules"), "architecture/test_how_to.py"),
    "cli/trying.py": (FIRST_CALL,),
    "cli/user.py": (CLI("accounts"),),
    "cli/views.py": (CLI("rules"),),
    "decide/again.py": ("property/test_past_decisions_equal.py", PAST_DECISIONS),
    "decide/assurance.py": (LAYERS,),
    "decide/choices.py": (LAYERS, LIST_ROUTE),
    "decide/decide.py": (LAYERS, LIST_ROUTE),
    "decide/offer.py": ("story/test_openapi.py",),
    "decide/explain.py": (CLI("rules"), LIST_ROUTE),
    "decide/grants.py": (CASBIN,),
    "decide/loader/fields.py": ("unit/decide/loader/test_datasets.py",),
    "decide/loader/problems.py": ("unit/decide/loader/test_load.py",),
    "decide/loader/reading.py": ("unit/decide/loader/test_load.py",),
    "decide/loader/rungs.py": ("unit/decide/loader/test_grants_check.py",),
    "decide/loader/shipped.py": ("architecture/test_policies_are_the_shipped_ones.py",),
    "decide/narrowed.py": ("unit/decide/test_narrowing.py", "property/test_smaller_rules.py"),
    "decide/oracle.py": (CASBIN, "unit/decide/test_oracle_sample.py"),
    "decide/plan.py": (LAYERS,),
    "decide/purposes.py": (LAYERS,),
    "decide/redlines.py": (LAYERS,),
    "decide/rules.py": VALUES,
    "decide/transfer.py": (LAYERS, LIST_ROUTE),
    "demo/access_log.py": (RECONCILE,),
    "demo/command.py": (),
    "demo/making.py": (),
    "demo/tour.py": (),
    "discover/draft.py": (PROPOSALS,),
    "discover/lexicon.py": ("unit/discover/test_looks.py", "unit/discover/test_categorise.py"),
    "discover/routing.py": (PROPOSALS, "unit/app/own_stores/test_discovering.py"),
    "discover/sample.py": VALUES,
    "domain/choice.py": ("property/test_choices_equal_model.py",),
    "domain/decision.py": VALUES,
    "domain/entry.py": ("architecture/test_log_format_reference.py",),
    "domain/errors.py": VALUES,
    "domain/explanation.py": VALUES,
    "domain/incident.py": VALUES,
    "domain/inquiry.py": VALUES,
    "domain/kinds.py": ("unit/flows/rehearse/test_tally.py",),
    "domain/log_forms.py": VALUES,
    "domain/log_query.py": VALUES,
    "domain/names.py": (CASBIN,),
    "domain/offer.py": ("story/test_openapi.py",),
    "domain/past_call.py": VALUES,
    "domain/people.py": ("property/test_people_numbers.py",),
    "domain/principal.py": (LIST_ROUTE,),
    "domain/purpose.py": VALUES,
    "domain/reach.py": VALUES,
    "domain/replay.py": VALUES,
    "domain/store_line.py": VALUES,
    "domain/treatment.py": (LAYERS, CASBIN),
    "domain/viewplan.py": (LAYERS,),
    "doors/http/app.py": (LIST_ROUTE, OWN_FAULTS),
    "doors/http/call.py": (LIST_ROUTE, "story/test_searches.py", "attack/test_framing_table.py"),
    "doors/http/data.py": (LIST_ROUTE, FAULTS),
    "doors/http/mirror.py": ("story/test_rehearse.py",),
    "doors/http/passing.py": ("story/test_passing_on.py", "attack/test_not_enforced.py"),
    "doors/http/recorded.py": (CLI("rehearse"), "story/test_rehearse.py"),
    "doors/http/openapi.py": ("story/test_openapi.py",),
    "doors/http/openapi_own.py": ("story/test_openapi.py",),
    "doors/http/openapi_routes.py": ("story/test_openapi.py",),
    "doors/http/own.py": (LIST_ROUTE, OWN_FAULTS, "architecture/test_how_to.py"),
    "flows/log_reading.py": LOG_SEARCH,
    "flows/accesses/finding.py": (SCOPE,),
    "flows/accesses/ports.py": VALUES,
    "flows/accesses/telling.py": (SCOPE, "story/test_incident.py"),
    "flows/access/asking.py": (LIST_ROUTE,),
    "flows/access/call.py": (LIST_ROUTE,),
    "flows/access/flow.py": (LIST_ROUTE, FAULTS, OWN_FAULTS, "attack/test_hang_up.py"),
    "flows/index_check.py": INDEX,
    "flows/indexing.py": INDEX,
    "flows/access/ports.py": VALUES,
    "flows/access/releasing.py": (LIST_ROUTE, FAULTS, "attack/test_view_changes_midway.py"),
    "flows/incident/measuring.py": (SCOPE,),
    "flows/incident/opening.py": ("attack/test_incident_lists.py", "story/test_incident.py"),
    "flows/incident/ports.py": VALUES,
    "flows/incident/scope.py": (SCOPE, "story/test_incident.py"),
    "flows/incident/tally.py": (SCOPE,),
    "flows/incident/values.py": VALUES,
    "flows/past_decision.py": (PAST_DECISIONS,),
    "flows/rehearse/judging.py": (CLI("rehearse"), "story/test_rehearse.py"),
    "flows/rehearse/observing.py": ("story/test_passing_on.py",),
    "flows/rehearse/passing.py": ("story/test_passing_on.py", "attack/test_not_enforced.py"),
    "flows/rehearse/ports.py": VALUES,
    "flows/rehearse/rehearsal.py": (CLI("rehearse"), "story/test_rehearse.py"),
    "flows/replay_rules.py": ("property/test_past_decisions_equal.py", PAST_DECISIONS),
    "flows/restore/flow.py": ("story/test_restore.py", "attack/test_restore_brings_back.py"),
    "flows/restore/ports.py": VALUES,
    "flows/restore/replaying.py": ("story/test_restore.py", "attack/test_restore_brings_back.py"),
    "flows/forgetting.py": (CLI("log_forget"),),
    "flows/grant_requests.py": GRANT_REQUESTS,
    "flows/policy_change.py": (OWN_FAULTS, CLI("rules")),
    "record/writing/copying.py": ("unit/record/writing/test_sinks.py", "unit/record/writing/test_pairing.py"),
    "record/writing/differing.py": ("unit/record/writing/test_pairing.py", "attack/test_log_disk_comes_back.py"),
    "record/writing/drafts.py": ("unit/record/writing/test_slot.py",),
    "record/proof/parts_scan.py": ("unit/flows/test_retention.py", CLI("log_forget")),
    "record/writing/sealing.py": ("unit/record/proof/test_seal_check.py",),
    "record/writing/sink.py": ("unit/record/writing/test_sinks.py",),
    "record/writing/takeover.py": ("unit/record/writing/test_opening.py", "unit/record/format/test_waypoint.py"),
    "record/reading/piles.py": ("unit/flows/test_reconcile.py",),
    "record/reading/sifting.py": ("unit/record/reading/test_past_calls.py",),
    "record/reading/store_calls.py": ("unit/record/reading/test_past_calls.py",),
    "record/reading/ocsf_words.py": ("unit/record/reading/test_ocsf.py", "architecture/test_ocsf_reference.py"),
    "record/reading/index_parts.py": ("unit/record/reading/test_indexing.py", *INDEX),
    "record/reading/index_rows.py": INDEX,
    "record/reading/spans.py": INDEX,
    "record/writing/counting.py": (OWN_FAULTS,),
    "settings.py": ("architecture/test_configuration_reference.py", CLI("contract")),
    "store/chunks.py": ("unit/store/test_people.py",),
    "store/log/bulk.py": INDEX,
    "store/log/layout.py": INDEX,
    "store/log/filling.py": INDEX,
    "store/log/held.py": INDEX,
    "store/log/words.py": INDEX,
    "store/migrations/env.py": ("unit/store/test_migrate.py",),
    "store/migrations/versions/0001_first.py": ("unit/store/test_schema.py",),
    "store/migrations/versions/0002_budgets.py": ("unit/store/test_schema.py",),
    "store/budget_tables.py": ("unit/store/test_budgets.py", "property/test_budgets_equal_model.py"),
    "store/migrations/versions/0003_entered_people.py": (
        "unit/store/test_schema.py",
        "unit/store/test_putting_back.py",
    ),
    "store/migrations/versions/0004_unseen_fields.py": ("unit/store/test_schema.py", "unit/store/test_unseen.py"),
    "store/migrations/versions/0005_grant_requests.py": ("unit/store/test_schema.py",),
    "store/migrations/versions/0006_log_index.py": ("unit/store/test_schema.py",),
    "store/migrations/versions/0007_incident_lists.py": ("unit/store/test_schema.py",),
    "store/forgetting.py": (CLI("log_forget"),),
    "store/incident_lists.py": ("attack/test_incident_lists.py",),
    "store/log/people.py": (SCOPE,),
    "store/log_schema.py": ("unit/store/test_schema.py",),
    "store/log/counts.py": ("unit/app/evidence/test_exporting.py",),
    "store/log/facets.py": LOG_SEARCH,
    "store/log/pages.py": LOG_SEARCH,
    "store/log/rows.py": LOG_SEARCH,
    "store/log/search.py": LOG_SEARCH,
    "store/log/terms.py": LOG_SEARCH,
    "store/people_ports.py": VALUES,
    "store/people_tables.py": ("unit/store/test_people.py", "property/test_people_numbers.py"),
    "store/postgres.py": ("unit/store/test_engine.py",),
    "store/sqlite.py": ("unit/store/test_engine.py",),
    "workers/loop.py": (OWN_FAULTS,),
}
"""By source file: the tests, below ``tests/``, that would fail without it. Nothing means values alone, or for the
three files of the demo that only `make tour` runs them, which continuous integration does."""


def sources() -> list[str]:
    return [path.relative_to(SOURCE).as_posix() for path in sorted(SOURCE.rglob("*.py")) if path.name != "__init__.py"]


def test_every_source_file_has_its_unit_test_or_says_what_tests_it() -> None:
    """A new file brings its test file, or a line above."""
    without = [name for name in sources() if not (UNIT / Path(name).parent / f"test_{Path(name).name}").exists()]
    assert [name for name in without if name not in INSTEAD] == []


def test_the_list_names_files_that_exist() -> None:
    """On both sides."""
    assert [name for name in INSTEAD if name not in sources()] == []
    tests = {test for instead in INSTEAD.values() for test in instead}
    assert [test for test in sorted(tests) if not (ROOT / "tests" / test).is_file()] == []


@pytest.mark.parametrize("name", [name for name, instead in INSTEAD.items() if not instead and "demo/" not in name])
def test_what_is_listed_as_values_has_no_statements_of_its_own(name: str) -> None:
    """No loop and no branch: nothing that a test of its own could find wrong."""
    words = ("for ", "while ", "if ", "match ", "with ", "try:")
    lines = [line.strip() for line in (SOURCE / name).read_text("utf-8").splitlines()]
    assert [line for line in lines if line.startswith(words)] == []
