# SPDX-License-Identifier: Apache-2.0
"""Nobody learns by asking about made-up datasets which others there are."""

from tests.story.conftest import ANALYST, World


async def test_whoever_asks_about_a_dataset_that_is_none_is_told_of_its_own_alone(world: World) -> None:
    """An officer is told of the log and of approvals; an analyst of those that its bearer may do something with."""
    asked = {"action": {"name": "read"}, "resource": {"id": "made.up"}, "context": {"purpose": ANALYST}}
    every = {str(name) for name in world.rooms.policy.decider.rules.catalog.collections}
    own = {"gateway.access_log", "gateway.access_log_counts", "gateway.approvals"}
    for role in ("analyst", "campaigner", "officer"):
        bearer = "Bearer " + await world.bearer(role)
        reply = await world.post("/-/access/v1/evaluation", asked, Authorization=bearer)
        offer = await world.get("/-/openapi.json", role)
        assert reply.status in (200, 404)
        told = {name for name in every if name in reply.body.decode()}
        seen = {name for name in every if f"/{name.replace('.', '/')}" in offer.body.decode()}
        assert told <= seen | (own if role == "officer" else set())
        assert told < every
