package dev.understudy.chassis.connection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigFile;
import io.netty.buffer.Unpooled;
import org.junit.jupiter.api.Test;

class FrameBudgetTest {
  private static ConnectionLimits limits(String text) {
    return ConfigFile.parse("test.yaml", text, ConnectionLimits::read);
  }

  private static FrameBudget budget() {
    return new FrameBudget(limits("controlFrames: 10\nresets: 10\ncalls: 20\ncallsPerSecond: 3\n"));
  }

  @Test
  void controlFramesAreCountedByKindAndSecond() {
    FrameBudget budget = budget();
    for (int second = 0; second < 3; second++) {
      for (int i = 0; i < 10; i++) {
        assertNull(budget.count(FrameScanner.PING, 0, 8));
        assertNull(budget.count(FrameScanner.SETTINGS, 0, 0));
        assertNull(budget.count(FrameScanner.PRIORITY, 0, 5));
        assertNull(budget.count(FrameScanner.DATA, 0, 0));
        assertNull(budget.count(0x20, 0, 5));
      }
      assertEquals(ConnectionRefusal.PING_FLOOD, budget.count(FrameScanner.PING, 0, 8));
      budget.nextSecond();
    }
  }

  @Test
  void callsAndDataEarnControlFrames() {
    FrameBudget budget = budget();
    for (int i = 0; i < 1_000; i++) {
      assertNull(budget.count(FrameScanner.HEADERS, 0, 50));
      assertNull(budget.count(FrameScanner.DATA, FrameScanner.END_STREAM, 100));
      for (int j = 0; j < 4; j++) {
        assertNull(budget.count(FrameScanner.PING, 0, 8));
        assertNull(budget.windowUpdate(13));
      }
    }
  }

  @Test
  void aThirdOfTheCallsMayBeResetAndAllMayNot() {
    FrameBudget honest = budget();
    for (int i = 0; i < 1_000; i++) {
      assertNull(honest.count(FrameScanner.HEADERS, 0, 50));
      if (i % 3 == 0) {
        assertNull(honest.count(FrameScanner.RST_STREAM, 0, 4));
      }
    }
    assertFalse(honest.isOverResets());
    FrameBudget rapid = budget();
    int resets = 0;
    while (!rapid.isOverResets()) {
      assertNull(rapid.count(FrameScanner.HEADERS, 0, 50));
      assertNull(rapid.count(FrameScanner.RST_STREAM, 0, 4));
      resets++;
    }
    assertEquals(21, resets, "ten beyond half of the calls: slowed");
    ConnectionRefusal refusal = null;
    while (refusal == null) {
      assertNull(rapid.count(FrameScanner.HEADERS, 0, 50));
      refusal = rapid.count(FrameScanner.RST_STREAM, 0, 4);
      resets++;
    }
    assertEquals(ConnectionRefusal.RAPID_RESET, refusal);
    assertEquals(8 * 10 + 2 * 20 + 1, resets, "far above: ended");
  }

  @Test
  void allCallsOfAFullConnectionMayPassTheirDeadlinesTogether() {
    FrameBudget budget = new FrameBudget(limits("{}"));
    for (int i = 0; i < 2 * 1024; i++) {
      assertNull(budget.count(FrameScanner.RST_STREAM, 0, 4));
    }
    assertFalse(budget.isOverResets());
    assertEquals(2_048, limits("{}").resets());
    assertEquals(20_000, limits("calls: 10000").resets());
    assertEquals(1_000, limits("calls: 10").resets());
  }

  @Test
  void asManyContinuationsMayComeAsTheLargestHeadersNeed() {
    FrameBudget small = new FrameBudget(limits("{}"));
    FrameBudget large = new FrameBudget(limits("headerBytes: 1MiB"));
    assertNull(small.count(FrameScanner.HEADERS, 0, 50));
    assertNull(large.count(FrameScanner.HEADERS, 0, 50));
    for (int i = 0; i < 8; i++) {
      assertNull(small.count(FrameScanner.CONTINUATION, 0, 16 << 10));
    }
    assertEquals(
        ConnectionRefusal.CONTINUATION_FLOOD, small.count(FrameScanner.CONTINUATION, 0, 0));
    for (int i = 0; i < 64; i++) {
      assertNull(large.count(FrameScanner.CONTINUATION, 0, 16 << 10));
    }
  }

  @Test
  void smallWindowUpdatesWeighMoreThanLargeOnes() {
    FrameBudget budget = budget();
    for (int i = 0; i < 1_000; i++) {
      assertNull(budget.windowUpdate(FrameBudget.SMALL_UPDATE_BYTES));
    }
    assertEquals(ConnectionRefusal.WINDOW_UPDATE_FLOOD, budget.windowUpdate(1));
  }

  @Test
  void theRateOfCallsIsToldAndNotRefused() {
    FrameBudget budget = budget();
    for (int i = 0; i < 4; i++) {
      assertFalse(budget.isOverCallRate());
      assertNull(budget.count(FrameScanner.HEADERS, 0, 50));
    }
    assertTrue(budget.isOverCallRate());
    budget.nextSecond();
    assertFalse(budget.isOverCallRate());
  }

  @Test
  void onlyMessagesWithoutTheirEndAreHeld() {
    UnfinishedMessages messages = new UnfinishedMessages();
    byte[] prefix = {0, 0, 0, 0, 100};
    messages.data(1, Unpooled.wrappedBuffer(prefix), 0, 5);
    assertEquals(0, messages.held());
    messages.data(1, Unpooled.wrappedBuffer(new byte[60]), 0, 60);
    messages.data(3, Unpooled.wrappedBuffer(prefix), 0, 5);
    messages.data(3, Unpooled.wrappedBuffer(new byte[7]), 0, 7);
    assertEquals(67, messages.held());
    // The end of one, and a byte of the next one's prefix.
    messages.data(1, Unpooled.wrappedBuffer(new byte[41]), 0, 41);
    assertEquals(7, messages.held());
    messages.retain(stream -> stream != 3);
    assertEquals(0, messages.held());
    messages.ended(1);
    assertTrue(messages.isEmpty());
  }

  @Test
  void connectionsAreLookedAtAboutOnceASecondOrFasterForShortTimeouts() {
    assertEquals(1_000_000_000L, limits("{}").tickNanos());
    assertEquals(100_000_000L, limits("answerTimeout: 400ms").tickNanos());
    assertEquals(20_000_000L, limits("requestTimeout: 1ms").tickNanos());
    assertEquals(1_000_000_000L, limits("requestTimeout: 0s").tickNanos());
  }
}
