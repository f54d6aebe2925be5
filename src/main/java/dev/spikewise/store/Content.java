package dev.spikewise.store;

import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Reference to a large content: its bytes, which its row holds, or the object that holds them.
 * Exactly one of the two is set.
 *
 * @param object id of the object
 */
@SuppressWarnings("ArrayRecordComponent")
public record Content(byte @Nullable [] bytes, @Nullable UUID object) {}
