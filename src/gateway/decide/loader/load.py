# SPDX-License-Identifier: Apache-2.0
"""The text of all rule files as one ``RuleSet``, or every problem in them at once.

Files are read in the order in which they need each other: treatments, regimes, datasets, purposes,
red lines, organisation, grants, tests. A file that cannot be read at all is told once; what depends on
it is then checked only against itself, so that one mistake is not told a hundred times.

Nothing here opens a file: the caller hands in names and bytes.
"""

from collections.abc import Mapping
from hashlib import sha256

import msgspec

from gateway.decide.loader.datasets.collections import PlacedCollection, read_datasets
from gateway.decide.loader.datasets.domains import domains_joined
from gateway.decide.loader.datasets.linking import NOT_READ, LinkingSaid, check_linking, read_linking
from gateway.decide.loader.datasets.routes import PlacedRoute, check_overlaps
from gateway.decide.loader.grammar.problems import Place, Problems, quoted, suggestion
from gateway.decide.loader.grammar.reading import Reader, top_of
from gateway.decide.loader.grammar.text import read_text
from gateway.decide.loader.grammar.yaml_nodes import read_yaml
from gateway.decide.loader.grants_check import Around, GrantCheck
from gateway.decide.loader.grants_csv import GrantLines, read_grants
from gateway.decide.loader.model_conf import check_model
from gateway.decide.loader.organisation import Organisation, read_organisation
from gateway.decide.loader.purposes import PlacedPurpose, read_purposes
from gateway.decide.loader.redlines import RedLines, read_red_lines
from gateway.decide.loader.regimes import PlacedRegime, read_regime
from gateway.decide.loader.sensitive import check_sensitive
from gateway.decide.loader.tests_yaml import Surroundings, read_tests
from gateway.decide.loader.treatments import CheckChain, Treatments, read_treatments
from gateway.decide.rules import RuleSet, RuleTest
from gateway.domain.catalog import Catalog
from gateway.domain.errors import RuleProblem, RulesError
from gateway.domain.names import DatasetName, PurposeKey, RulesDigest, is_key

MODEL = "model.conf"
GRANTS = "grants.csv"
SINGLE = (MODEL, GRANTS, "purposes.yaml", "redlines.yaml", "treatments.yaml", "organisation.yaml")
"""Files that every rule set has, once each."""
FOLDERS = ("datasets", "regimes", "tests")
"""Folders of ``*.yaml``; the first must hold one."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A rule set, and what in it deserves a look but stops nothing."""

    rules: RuleSet
    notes: tuple[RuleProblem, ...]


def load(files: Mapping[str, bytes], *, check_chain: CheckChain, now_us: int | None = None) -> RuleSet:
    """Return the rules that the files hold.

    Args:
        files: Content by name below ``policies/``, with ``/`` between folder and file.
        check_chain: Says, with sample values, in which ways a chain is none.
        now_us: With it, notes tell what has already ended; it never changes the rules.

    Raises:
        RulesError: Something is wrong; it holds every problem with file and line.
    """
    return load_with_notes(files, check_chain=check_chain, now_us=now_us).rules


def load_with_notes(files: Mapping[str, bytes], *, check_chain: CheckChain, now_us: int | None = None) -> Loaded:
    """Return the rules and the notes on them; see ``load``."""
    problems = Problems()
    rules = _Files(files, problems).rules(check_chain)
    if now_us is not None:
        _note_ended(rules, now_us, problems)
    if problems.found:
        raise RulesError(problems.found)
    return Loaded(rules=rules, notes=problems.notes)


def digest(files: Mapping[str, bytes]) -> RulesDigest:
    """Return the SHA-256 over all names and contents, hexadecimal.

    Each name and content goes in behind its length in 8 bytes, in the order of the names, so no two
    sets of files give the same bytes to hash.
    """
    hashed = sha256(b"gateway rules 1\n")
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            hashed.update(len(part).to_bytes(8, "big"))
            hashed.update(part)
    return RulesDigest(hashed.hexdigest())


class _Files:
    """The files of one rule set, read in order; a part that is ``None`` was not readable."""

    def __init__(self, files: Mapping[str, bytes], problems: Problems) -> None:
        self.files = files
        self.problems = problems
        self.routes: list[PlacedRoute] = []

    def rules(self, check_chain: CheckChain) -> RuleSet:
        self._check_names()
        if (model := self._text(MODEL)) is not None:
            check_model(MODEL, model, self.problems)
        top = self._top("treatments.yaml")
        treatments = read_treatments(top, check_chain) if top else None
        chains = treatments.chains if treatments else {}
        regimes, whole_law = self._regimes()
        law = regimes if whole_law else None
        catalog = self._catalog(treatments)
        top = self._top("purposes.yaml")
        linking = read_linking(top) if top else NOT_READ
        purposes: dict[PurposeKey, PlacedPurpose] = read_purposes(top, chains, catalog, regimes) if top else {}
        top = self._top("redlines.yaml")
        red_lines = read_red_lines(top, chains, law) if top else RedLines(sensitive=(), lines=())
        check_sensitive(red_lines.sensitive, treatments, self.problems)
        top = self._top("organisation.yaml")
        organisation = read_organisation(top, law) if top else Organisation(name="", recipients={})
        if top:
            self._check_sent_to(organisation)
        around = Around(catalog=catalog, chains=chains, purposes=frozenset(purposes), red_lines=red_lines.lines)
        grants = self._grants(around)
        return RuleSet(
            digest=digest(self.files),
            catalog=catalog or Catalog(collections={}, routes=()),
            chains=chains,
            grants=grants.grants if grants else (),
            roles=grants.roles if grants else {},
            purposes={key: placed.rule for key, placed in purposes.items()},
            red_lines=tuple(placed.line for placed in red_lines.lines),
            sensitive=red_lines.categories,
            assurance=tuple(placed.rule for placed in treatments.assurance) if treatments else (),
            recipients={key: placed.recipient for key, placed in organisation.recipients.items()},
            regimes={key: placed.regime for key, placed in regimes.items()},
            tests=self._tests(around, organisation, grants),
            organisation=organisation.name,
            linking=self._linking(linking, purposes, catalog),
        )

    def _linking(
        self, said: LinkingSaid, purposes: Mapping[PurposeKey, PlacedPurpose], catalog: Catalog | None
    ) -> PurposeKey | None:
        return check_linking(said, {key: placed.rule for key, placed in purposes.items()}, catalog, self.problems)

    def _check_names(self) -> None:
        for name in SINGLE:
            if name not in self.files:
                self.problems.tell(Place(name, 1), "is missing")
        if not self._named("datasets"):
            self.problems.tell(
                Place("datasets/", 1), "holds no `.yaml` file: without a dataset there is nothing to decide on"
            )
        for name in self.files:
            folder, _, rest = name.rpartition("/")
            in_folder = folder in FOLDERS and rest.endswith(".yaml") and is_key(rest.removesuffix(".yaml"))
            if name not in SINGLE and not in_folder:
                self.problems.tell(Place(name, 1), f"is no rule file{suggestion(name, SINGLE)}")

    def _named(self, folder: str) -> list[str]:
        return sorted(name for name in self.files if name.startswith(folder + "/") and name.endswith(".yaml"))

    def _text(self, name: str) -> str | None:
        return read_text(name, self.files[name], self.problems) if name in self.files else None

    def _top(self, name: str) -> Reader | None:
        text = self._text(name)
        node = read_yaml(name, text, self.problems) if text is not None else None
        return top_of(node, name, self.problems)

    def _regimes(self) -> tuple[dict[str, PlacedRegime], bool]:
        """Return the regimes, and whether every file of them could be read."""
        found: dict[str, PlacedRegime] = {}
        names = self._named("regimes")
        for name in names:
            if (top := self._top(name)) is not None:
                placed = read_regime(top, name)
                found[placed.regime.id] = placed
        return found, len(found) == len(names)

    def _catalog(self, treatments: Treatments | None) -> Catalog | None:
        """Return the catalogue, ``None`` if part of it could not be read."""
        placed: dict[DatasetName, PlacedCollection] = {}
        whole = True
        for name in self._named("datasets"):
            top = self._top(name)
            whole = whole and top is not None
            for one in read_datasets(top, treatments) if top else ():
                dataset = one.collection.dataset
                if dataset in placed:
                    self.problems.tell(
                        one.place, f"a second collection {quoted(dataset)}; first at {placed[dataset].place}"
                    )
                placed[dataset] = one
                self._note_waiting(one)
        routes = [route for one in placed.values() for route in one.routes]
        check_overlaps(routes, self.problems)
        self.routes = routes
        if not whole or not placed:
            return None
        collections = domains_joined(placed, self.problems)
        return Catalog(collections=collections, routes=tuple(route.route for route in routes))

    def _check_sent_to(self, organisation: Organisation) -> None:
        """Tell of routes that send to somebody whom organisation.yaml does not have."""
        for placed in self.routes:
            to = placed.route.recipient
            if to is not None and to not in organisation.recipients:
                message = f"unknown recipient {quoted(to)}{suggestion(to, [*organisation.recipients])}"
                self.problems.tell(placed.place, message)

    def _note_waiting(self, one: PlacedCollection) -> None:
        fields = one.collection.fields
        n = sum(not field.reviewed for field in fields)
        if n:
            which = f"{n} of {len(fields)} fields await" if n > 1 else f"1 of {len(fields)} fields awaits"
            message = f"{quoted(one.collection.dataset)}: {which} review, and nothing of what awaits it leaves"
            self.problems.note(one.place, message)

    def _grants(self, around: Around) -> GrantLines | None:
        text = self._text(GRANTS)
        if text is None:
            return None
        lines = read_grants(GRANTS, text, self.problems)
        check = GrantCheck(GRANTS, around, self.problems)
        for grant in lines.grants:
            check.check(grant)
        check.check_roles(lines.grants, lines.roles)
        return lines

    def _tests(self, around: Around, organisation: Organisation, grants: GrantLines | None) -> tuple[RuleTest, ...]:
        beside = Surroundings(
            catalog=around.catalog,
            chains=around.chains,
            purposes=around.purposes,
            recipients=frozenset(organisation.recipients),
            roles=frozenset(grants.roles) | {grant.role for grant in grants.grants} if grants else None,
        )
        found: list[RuleTest] = []
        for name in self._named("tests"):
            if (top := self._top(name)) is not None:
                found += read_tests(top, name, beside)
        return tuple(found)


def _note_ended(rules: RuleSet, now_us: int, problems: Problems) -> None:
    for grant in rules.grants:
        if grant.until_us is not None and grant.until_us <= now_us:
            problems.note(Place(GRANTS, grant.line), "this grant has ended; it can be deleted")
    for recipient in rules.recipients.values():
        if recipient.contract_until_us is not None and recipient.contract_until_us <= now_us:
            problems.note(
                Place("organisation.yaml", 1), f"the contract with {quoted(recipient.id)} has ended; it gets nothing"
            )
