package dev.understudy.collector.predictions;

import java.nio.ByteBuffer;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Prediction ids as they are stored: the 16 bytes of a UUID, so that the order of the bytes is the
 * order of time for ids of version 7.
 */
public final class PredictionId {
  private PredictionId() {}

  /** The bytes of an id in its canonical form of 36 characters; null for any other text. */
  public static byte @Nullable [] parse(String text) {
    if (text.length() != 36) {
      return null;
    }
    try {
      UUID id = UUID.fromString(text);
      return ByteBuffer.allocate(16)
          .putLong(id.getMostSignificantBits())
          .putLong(id.getLeastSignificantBits())
          .array();
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /** The canonical text of stored bytes. */
  public static String format(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    return new UUID(buffer.getLong(), buffer.getLong()).toString();
  }
}
