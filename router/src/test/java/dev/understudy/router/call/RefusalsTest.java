package dev.understudy.router.call;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.error.Fault;
import java.util.List;
import org.junit.jupiter.api.Test;

class RefusalsTest {
  private static final String LONG = "x".repeat(1 << 20);

  @Test
  void whatAClientChoseIsRepeatedInPartOnly() {
    for (Fault refusal :
        List.of(
            Refusals.unknownModel(LONG, LONG),
            Refusals.unknownVersion(LONG, LONG, LONG),
            Refusals.versionIsNoInteger(LONG, LONG),
            Refusals.notInScope(LONG, "alice", LONG),
            Refusals.noSuchArm(LONG, LONG, LONG),
            Refusals.noSuchCriticality(LONG),
            Refusals.tooShort(LONG, LONG, 1, 2),
            Refusals.notReady(LONG, LONG, "1"),
            Refusals.malformed(LONG),
            Refusals.invalid(LONG, LONG),
            Refusals.unusableModelName(LONG, LONG.length(), 256))) {
      String text = String.valueOf(refusal.getMessage());
      assertTrue(text.length() < 1_500, refusal.reason() + ": " + text.length());
      assertTrue(String.valueOf(refusal.toGrpc().getTrailers()).length() < 8_000, refusal.reason());
    }
    String id = "i".repeat(200);
    assertEquals(
        "[request id: " + id + "] Request for unknown model: 'm' is not found",
        Refusals.unknownModel(id, "m").getMessage());
  }
}
