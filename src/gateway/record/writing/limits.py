# SPDX-License-Identifier: Apache-2.0
"""The figures that a sequencer keeps to."""

import msgspec

from gateway.record.writing.opening import SEGMENT_BYTES


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a sequencer; the defaults are those of the design.

    Attributes:
        segment_bytes: Length of lines at which a segment is full.
        segment_age_s: Age at which a segment is left for the next, so that whole ones grow old; 0 for none.
        publish_after_s: Age of the oldest unsigned entry at which a checkpoint is made; a quarter of
            the promised second is left for the disk.
        witness_every_s: How often the checkpoints of the other logs are entered.
        lock_wait_s: How long to wait at opening while another process holds the slot.
        stall_s: Silence of the disk after which new callers are refused at once.
        patience_s: How long a caller waits for the disk at most.
        most_waiting: Entries that may wait for the disk.
        look_again_s: How often a disk that failed is tried while nobody has anything to enter.
        free_bytes / free_share: Below either, there is no room for data calls.
    """

    segment_bytes: int = SEGMENT_BYTES
    publish_after_s: float = 0.75
    witness_every_s: float = 60.0
    lock_wait_s: float = 0.0
    stall_s: float = 1.0
    patience_s: float = 5.0
    most_waiting: int = 20_000
    look_again_s: float = 1.0
    segment_age_s: float = 24 * 3600.0
    free_bytes: int = 1 << 30
    free_share: float = 0.05

    def leave_room(self, free_bytes: int, disk_bytes: int) -> bool:
        """Tell whether so much free space on a disk of such a size is enough for data calls."""
        return free_bytes >= self.free_bytes and free_bytes >= self.free_share * disk_bytes
