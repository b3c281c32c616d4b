# SPDX-License-Identifier: Apache-2.0
"""Every sensitive category has an assurance rule that a service with a mere secret cannot meet (DESIGN 3)."""

from gateway.decide.loader.grammar.problems import Problems, Said, quoted
from gateway.decide.loader.treatments import Treatments
from gateway.domain.names import is_under
from gateway.domain.principal import Assurance


def check_sensitive(sensitive: tuple[Said, ...], treatments: Treatments | None, problems: Problems) -> None:
    """Tell each sensitive category that could be revealed to a service that has shown a secret alone."""
    if treatments is None:
        return
    for said in sensitive:
        guarded = any(
            is_under(said.text, placed.rule.category) and placed.rule.level > Assurance.SERVICE_SECRET
            for placed in treatments.assurance
        )
        if said.text and not guarded:
            message = f"{quoted(said.text)} is sensitive, but no `assurance` rule of treatments.yaml asks level 2 or more for it"
            problems.tell(said.place, message)
