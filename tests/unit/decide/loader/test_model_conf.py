# SPDX-License-Identifier: Apache-2.0
"""One Casbin model is known, Casbin reads it as we do, and no other is accepted."""

import casbin
import pytest

from gateway.decide.loader.model_conf import KNOWN
from gateway.decide.loader.shipped import shipped_files
from tests.fakes.rule_files import Broken, check, edited, sentences

EFFECT = KNOWN["policy_effect"]["e"]


@pytest.mark.parametrize(
    "broken",
    [
        Broken(
            "model.conf",
            f"e = {EFFECT}",
            "e = some(where (p.eft == allow))",
            f"`e` must be {EFFECT!r}: the decision knows no other model",
        ),
        Broken(
            "model.conf",
            "under(r.dataset, p.dataset)",
            "keyMatch(r.dataset, p.dataset)",
            f"`m` must be {KNOWN['matchers']['m']!r}: the decision knows no other model",
        ),
        Broken("model.conf", "g = _, _", "g = _, _, _", "`g` must be '_, _': the decision knows no other model"),
        Broken(
            "model.conf", "g = _, _", "g = _, _\ng2 = _, _", "unknown key `g2` in section `role_definition`", at="g2"
        ),
        Broken(
            "model.conf",
            "g = _, _",
            "g = _, _\ng = _, _",
            "`g` of section `role_definition` stands twice",
            at="g = _, _\n\n",
        ),
        Broken(
            "model.conf",
            "# The Casbin model",
            "x = 1\n# The Casbin model",
            "`x = 1` stands before the first section",
            at="x = 1",
        ),
    ],
    ids=lambda broken: broken.says[:40],
)
def test_another_model_is_refused(broken: Broken) -> None:
    """A changed model would be a changed program."""
    check(broken)


def test_an_unknown_section_is_told_with_what_it_leaves_missing() -> None:
    """A mistyped section would take its definition with it."""
    assert sentences(edited("model.conf", "[matchers]", "[matcher]")) == [
        "model.conf:1: `m` of section `matchers` is missing",
        "model.conf:20: unknown section `matcher`; did you mean `matchers`?",
    ]


def test_a_missing_definition_is_told() -> None:
    """A section without its key is no model."""
    assert sentences(edited("model.conf", "g = _, _", "")) == [
        "model.conf:1: `g` of section `role_definition` is missing"
    ]


def test_spaces_and_line_breaks_mean_nothing() -> None:
    """Casbin joins lines at a backslash, and so do we."""
    assert sentences(edited("model.conf", " && under(r.category", " \\\n  &&under( r.category")) == []


def test_casbin_takes_the_shipped_model_as_it_is_meant() -> None:
    """An allow permits, a deny beside it wins, and a role reaches through ``g``."""
    model = casbin.Model()
    model.load_model_from_text(shipped_files()["model.conf"].decode())
    enforcer = casbin.Enforcer(model)
    enforcer.add_function("under", lambda key, top: key == top or key.startswith(top + "."))
    enforcer.add_function("in_force", lambda _now, _from, _until: True)
    enforcer.add_function("reaches", lambda *_: True)
    enforcer.add_policy("agent", "crm", "user.contact", "essential", "read", "reveal", "yes", "allow", "", "")
    enforcer.add_grouping_policy("lead", "agent")
    asked = ["lead", "crm.customers", "user.contact.email", "essential.service", "read", "email", "reveal", True, 0]
    assert enforcer.enforce(*asked)
    assert not enforcer.enforce("other", *asked[1:])
    assert not enforcer.enforce(*asked[:2], "user.contacts", *asked[3:])
    enforcer.add_policy("lead", "crm", "user.contact.email", "essential", "read", "mask", "no", "deny", "", "")
    assert not enforcer.enforce(*asked)
