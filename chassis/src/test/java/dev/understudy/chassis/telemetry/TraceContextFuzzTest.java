package dev.understudy.chassis.telemetry;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;

/** Whatever a caller sends as {@code traceparent}, it is read, or none, and never an exception. */
class TraceContextFuzzTest {
  @FuzzTest(maxDuration = "60s")
  void anyHeaderIsReadOrNone(FuzzedDataProvider data) {
    String header = data.consumeRemainingAsString();
    TraceContext context = TraceContext.parse(header);
    if (context == null) {
      return;
    }
    TraceContext again = TraceContext.parse(context.header());
    if (!context.equals(again)) {
      throw new AssertionError(header + " is read as " + context + ", and that as " + again);
    }
  }
}
