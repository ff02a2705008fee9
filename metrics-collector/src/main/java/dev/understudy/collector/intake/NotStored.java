package dev.understudy.collector.intake;

import dev.understudy.chassis.error.Fault;
import io.grpc.Status;
import java.io.IOException;
import java.sql.SQLException;

/** Says what kept something from being stored. */
final class NotStored {
  private NotStored() {}

  static Fault because(Exception cause) {
    if (cause instanceof SQLException || cause instanceof IOException) {
      return Fault.of(
              Status.Code.UNAVAILABLE,
              "NOT_STORED",
              "the collector cannot store anything at the moment: "
                  + cause.getMessage()
                  + " (expected: room on the disk of its state folder)")
          .cause(cause);
    }
    return Fault.from(cause);
  }
}
