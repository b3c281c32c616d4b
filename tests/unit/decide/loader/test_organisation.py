# SPDX-License-Identifier: Apache-2.0
"""``organisation.yaml``: the controller and the recipients."""

import pytest

from gateway.decide.rules import Recipient
from gateway.domain.names import RecipientId
from tests.fakes.rule_files import Broken, check, edited, loaded, sentences

FILE = "organisation.yaml"


@pytest.mark.parametrize(
    "broken",
    [
        Broken(FILE, "  - id: adnet", "  - id: ad net", "`ad net` is no key"),
        Broken(
            FILE,
            "country: DE}",
            "country: Germany}",
            "`Germany` is no country; expected two capital letters (ISO 3166-1)",
        ),
        Broken(FILE, "country: DE}", "country: NO}", "`country` is the boolean `NO`, expected text; put it in quotes"),
        Broken(
            FILE,
            "role: entrusted",
            "role: processor",
            "`role` is `processor`, expected one of `own`, `entrusted`, `separate_controller`, `joint`",
        ),
        Broken(
            FILE,
            "    role: entrusted\n    country: DE\n    contract_until: 2028-01-01\n",
            "    role: entrusted\n    country: DE\n",
            "recipient `mail-service` is entrusted: it needs a contract, so `contract_until`",
            at="  - id: mail-service",
        ),
        Broken(
            FILE,
            "    contract_until: 2028-01-01\n",
            "    contract_until: next year\n",
            "`contract_until` is the text `next year`, expected a day such as 2027-01-31 or an instant such as 2027-01-31T18:00:00Z",
        ),
        Broken(FILE, "      gdpr: ", "      gpdr: ", "unknown regime `gpdr`; did you mean `gdpr`?"),
        Broken(
            FILE,
            '      gdpr: "Standard contractual clauses, module 1, DEMO-2025-03"',
            "      gdpr: yes",
            "`transfers.gdpr` is the boolean `yes`, expected text; put it in quotes",
        ),
        Broken(
            FILE,
            "  - id: adnet",
            "  - id: mail-service",
            "a second recipient `mail-service`; first in line 12",
            at="  - id: mail-service\n    legal_name: Example Adv",
        ),
        Broken(
            FILE, "    legal_name: Example Mailing (demo)\n", "", "`legal_name` is missing", at="  - id: mail-service"
        ),
        Broken(
            FILE,
            "    role: own\n",
            "    role: own\n    processor: yes\n",
            "unknown key `processor`",
            at="    processor",
        ),
        Broken(
            FILE,
            "controller: {name: Example Trading (demo), country: DE}\n",
            "controller: Example\n",
            "`controller` is the text `Example`, expected keys with values",
        ),
    ],
    ids=lambda broken: broken.says[:60],
)
def test_a_mistake_is_told_where_it_stands(broken: Broken) -> None:
    """One problem, with file, line and what was expected."""
    check(broken)


def test_the_controller_is_a_recipient_too() -> None:
    """Own staff receive data; without that recipient nobody could."""
    told = sentences(edited(FILE, "role: own", "role: joint\n    contract_until: 2028-01-01"))
    assert told == [f"{FILE}:4: no recipient has the role `own`: the controller itself is one"]


def test_recipients_are_what_their_lines_say() -> None:
    """Role, place, end of contract and mechanisms of transfer."""
    recipients = loaded().recipients
    assert loaded().organisation == "Example Trading (demo)"
    assert recipients[RecipientId("adnet")] == Recipient(
        id=RecipientId("adnet"),
        legal_name="Example Advertising Network (demo)",
        role="separate_controller",
        country="US",
        contract_until_us=1_830_297_600_000_000,
        transfers=(("gdpr", "Standard contractual clauses, module 1, DEMO-2025-03"),),
    )
    assert {id_ for id_, recipient in recipients.items() if recipient.is_third_party} == {"adnet"}
