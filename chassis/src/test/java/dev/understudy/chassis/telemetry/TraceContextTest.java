package dev.understudy.chassis.telemetry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import org.junit.jupiter.api.Test;

class TraceContextTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String SPAN = "00f067aa0ba902b7";
  private static final String VALID = "00-" + TRACE + "-" + SPAN + "-01";

  @Test
  void aValidHeaderIsReadAndWrittenAlike() {
    TraceContext context = TraceContext.parse(VALID);
    assertNotNull(context);
    assertEquals(new TraceContext(TRACE, SPAN, true), context);
    assertEquals(VALID, context.header());
    assertEquals(
        new TraceContext(TRACE, SPAN, false),
        TraceContext.parse("00-" + TRACE + "-" + SPAN + "-02"),
        "only the lowest flag counts");
  }

  @Test
  void aHigherVersionIsReadByTheFieldsOfTheFirst() {
    assertEquals(
        new TraceContext(TRACE, SPAN, true),
        TraceContext.parse("cc-" + TRACE + "-" + SPAN + "-01-what-comes-later"));
  }

  @Test
  void whatIsNoHeaderIsNone() {
    assertNull(TraceContext.parse(null));
    for (String wrong :
        List.of(
            "",
            "00",
            VALID.substring(1),
            VALID + "-more",
            VALID + "0",
            "cc-" + TRACE + "-" + SPAN + "-01.later",
            VALID.replace("00-4", "ff-4"),
            VALID.toUpperCase(java.util.Locale.ROOT),
            VALID.replace(TRACE, "0".repeat(32)),
            VALID.replace(SPAN, "0".repeat(16)),
            VALID.replace("-01", "-0g"),
            VALID.replace("-01", "_01"),
            VALID.replace('f', 'ä'))) {
      assertNull(TraceContext.parse(wrong), wrong);
    }
  }
}
