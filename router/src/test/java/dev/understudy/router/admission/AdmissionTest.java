package dev.understudy.router.admission;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.config.ConfigException;
import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.error.Fault;
import dev.understudy.router.admission.RefusalCounts.Cause;
import dev.understudy.router.call.CallerRole;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Grant;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.ModelScope;
import dev.understudy.router.call.Notes;
import dev.understudy.router.call.Principal;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AdmissionTest {
  private static final long SECOND = 1_000_000_000;
  private static final long NEVER = Long.MAX_VALUE;
  private static final Criticality ANY = Criticality.DEFAULT;
  private static final Headers NONE = name -> null;

  private static LimitSettings settings(String yaml) {
    return ConfigFile.parse("limits.yaml", yaml, LimitSettings::read);
  }

  private static Admission admission(String yaml) {
    return new Admission(settings(yaml), 0);
  }

  /** One whole unary call up to the backend. */
  private static void call(
      Admission admission, String who, String model, long bytes, long now, Notes notes) {
    admission.enter(who, ANY, Method.INFER, NEVER, now);
    try {
      admission.takeMessage(who, ANY, Method.INFER, model, bytes, now, now, notes);
    } finally {
      admission.leave();
    }
  }

  private static void call(Admission admission, String who, String model, long bytes, long now) {
    call(admission, who, model, bytes, now, new Notes());
  }

  private static int admitted(
      Admission admission, String who, String model, long bytes, int tries, long now) {
    int admitted = 0;
    for (int i = 0; i < tries; i++) {
      try {
        call(admission, who, model, bytes, now);
        admitted++;
      } catch (Fault refused) {
        assertEquals(io.grpc.Status.Code.RESOURCE_EXHAUSTED, refused.code());
      }
    }
    return admitted;
  }

  private static Fault refusal(Runnable call) {
    return assertThrows(Fault.class, call::run);
  }

  @Test
  void everyQuotaThatAppliesMustHaveRoom() {
    Admission admission =
        admission(
            """
            requestsPerSecond: 1
            burst: 10
            bytesPerSecond: 1000B
            burstBytes: 5000B
            models: {fraud: {requestsPerSecond: 1, burst: 4}}
            totals: {fraud: {requestsPerSecond: 1, burst: 6}}
            """);
    assertEquals(4, admitted(admission, "a", "fraud", 100, 20, 0), "four at the model");
    assertEquals(2, admitted(admission, "b", "fraud", 100, 20, 0), "six of all callers there");
    assertEquals(6, admitted(admission, "a", "other", 100, 20, 0), "ten of the caller's");
    assertEquals(4, admitted(admission, "b", "other", 1200, 20, 0), "5000 bytes, 200 gone");
    assertEquals(0, admission.calls().used());
  }

  @Test
  void aRefusalByOneQuotaTakesNothingFromTheOthers() {
    SplittableRandom random = new SplittableRandom(1);
    String[] scarce = {
      "bytesPerSecond: 1B\nburstBytes: 100B",
      "models: {m: {requestsPerSecond: 0.001, burst: 1}}",
      "models: {m: {bytesPerSecond: 1B, burstBytes: 100B}}",
      "methods: {infer: {requestsPerSecond: 0.001, burst: 1}}",
      "methods: {infer: {bytesPerSecond: 1B, burstBytes: 100B}}",
      "totals: {m: {requestsPerSecond: 0.001, burst: 1}}",
      "totals: {m: {bytesPerSecond: 1B, burstBytes: 100B}}"
    };
    for (String one : scarce) {
      Admission admission = admission("requestsPerSecond: 0.01\nburst: 50\n" + one + "\n");
      assertEquals(1, admitted(admission, "a", "m", 100, 1, 0), one);
      assertEquals(0, admitted(admission, "a", "m", 100, 10_000, random.nextLong(100)), one);
      // The stream method of another model meets none of the scarce ones but the caller's bytes.
      int left = 0;
      try {
        for (; left < 100; left++) {
          admission.takeMessage("a", ANY, Method.STREAM, "n", 0, 0, 100, new Notes());
        }
      } catch (Fault over) {
        assertTrue(String.valueOf(over.getMessage()).contains("over its quota of"), one);
      }
      assertEquals(one.startsWith("bytes") ? 0 : 49, left, one);
    }
  }

  @Test
  void thePlaceThatThereIsNotCostsNoRequest() {
    Admission admission = admission("{requestsPerSecond: 0.01, burst: 2, concurrentCalls: 1}");
    admission.enter("a", ANY, Method.INFER, NEVER, 0);
    for (int i = 0; i < 100; i++) {
      assertEquals(
          "Exceeds maximum queue size: 1 calls are in flight",
          refusal(() -> admission.enter("a", ANY, Method.INFER, NEVER, 0)).getMessage());
    }
    admission.leave();
    admission.enter("a", ANY, Method.INFER, NEVER, 0);
    admission.leave();
    assertEquals(
        "principal 'a' is over its quota of 0.01 requests per second",
        refusal(() -> admission.enter("a", ANY, Method.INFER, NEVER, 0)).getMessage());
    assertEquals(100, admission.refusals().get(Cause.CALLS, ANY));
    assertEquals(1, admission.refusals().get(Cause.REQUEST_QUOTA, ANY));
    assertEquals(0, admission.calls().used());
  }

  @Test
  void refusalsSayWhatAndWhen() {
    Admission admission =
        admission(
            """
            requestsPerSecond: 1000
            methods: {metadata: {requestsPerSecond: 2, burst: 1}}
            models: {fraud: {bytesPerSecond: 1000B, burstBytes: 1500B}}
            totals: {busy: {requestsPerSecond: 0.5, burst: 1}}
            """);
    admission.ask("a", 0);
    Fault asked = refusal(() -> admission.ask("a", 0));
    assertEquals(
        "principal 'a' is over its quota of 2 requests per second by method 'metadata'",
        asked.getMessage());
    assertEquals(Duration.ofMillis(500), asked.details().retryAfter());
    assertEquals(Duration.ofMillis(500), asked.details().pushback());
    assertEquals("principal:a/method:metadata", asked.details().quotas().getFirst().subject());

    call(admission, "a", "fraud", 1500, 0);
    Fault bytes = refusal(() -> call(admission, "a", "fraud", 500, 0));
    assertEquals(
        "principal 'a' is over its quota of 1000 bytes per second for model 'fraud'",
        bytes.getMessage());
    assertEquals(Duration.ofMillis(500), bytes.details().retryAfter());

    Fault never = refusal(() -> call(admission, "a", "fraud", 1501, 0));
    assertEquals(
        "principal 'a' may send 1500 bytes at once for model 'fraud', and the message has 1501; it"
            + " will never fit",
        never.getMessage());
    assertEquals("MESSAGE_OVER_QUOTA", never.reason());
    assertNull(never.details().retryAfter());
    assertEquals(Duration.ofMillis(-1), never.details().pushback());

    call(admission, "a", "busy", 1, 0);
    Fault total = refusal(() -> call(admission, "b", "busy", 1, 0));
    assertEquals("model 'busy' is over its quota of 0.5 requests per second", total.getMessage());
    assertEquals("model:busy", total.details().quotas().getFirst().subject());
    assertEquals(Duration.ofSeconds(2), total.details().retryAfter());
    assertEquals(2, admission.refusals().get(Cause.BYTE_QUOTA, ANY));
    assertEquals(2, admission.refusals().get(Cause.REQUEST_QUOTA, ANY));
  }

  @Test
  void whatAPrincipalHasOfItsOwnReplacesWhatAllHave() {
    Admission admission =
        admission(
            """
            requestsPerSecond: 0.01
            burst: 2
            models: {m: {requestsPerSecond: 0.01, burst: 1}}
            principals:
              batch: {requestsPerSecond: 0.01, burst: 5}
              checkout: {models: {m: {requestsPerSecond: 0.01, burst: 2}}}
            """);
    assertEquals(1, admitted(admission, "a", "m", 1, 9, 0));
    assertEquals(1, admitted(admission, "batch", "m", 1, 9, 0));
    assertEquals(4, admitted(admission, "batch", "n", 1, 9, 0));
    assertEquals(2, admitted(admission, "checkout", "m", 1, 9, 0));
    assertEquals(0, admitted(admission, "checkout", "n", 1, 9, 0));
  }

  @Test
  void answersTellWhatIsLeftOfTheTightestQuotaWhenAsked() {
    Admission telling =
        admission(
            """
            requestsPerSecond: 1
            burst: 10
            bytesPerSecond: 100B
            burstBytes: 1000B
            tellRemaining: true
            """);
    Notes notes = new Notes();
    call(telling, "a", "m", 10, 0, notes);
    assertEquals(
        Map.of(
            "x-ratelimit-limit", "10",
            "x-ratelimit-remaining", "9",
            "x-ratelimit-reset", "1",
            "x-ratelimit-unit", "requests"),
        notes.trailers());
    Notes later = new Notes();
    call(telling, "a", "m", 900, 0, later);
    assertEquals(
        Map.of(
            "x-ratelimit-limit", "1000",
            "x-ratelimit-remaining", "90",
            "x-ratelimit-reset", "10",
            "x-ratelimit-unit", "bytes"),
        later.trailers());
    Notes silent = new Notes();
    call(admission("{requestsPerSecond: 1}"), "a", "m", 10, 0, silent);
    assertEquals(Map.of(), silent.trailers());
    Notes unlimited = new Notes();
    call(admission("{tellRemaining: true}"), "a", "m", 10, 0, unlimited);
    assertEquals(Map.of(), unlimited.trailers());
  }

  @Test
  void aClassIsWhatTheHeaderClaimsUpToWhatThePrincipalMay() {
    Admission admission =
        admission(
            """
            criticality: {}
            principals:
              checkout: {criticality: critical}
              batch: {criticality: sheddable}
              mixed: {highestCriticality: critical}
              low: {highestCriticality: sheddable}
            """);
    record Case(String who, String said, Criticality expected) {}
    for (Case one :
        new Case[] {
          new Case("a", "", Criticality.DEFAULT),
          new Case("a", "critical", Criticality.DEFAULT),
          new Case("a", "sheddable", Criticality.SHEDDABLE),
          new Case("checkout", "", Criticality.CRITICAL),
          new Case("checkout", "default", Criticality.DEFAULT),
          new Case("batch", "", Criticality.SHEDDABLE),
          new Case("batch", "critical", Criticality.DEFAULT),
          new Case("mixed", "", Criticality.DEFAULT),
          new Case("mixed", "critical", Criticality.CRITICAL),
          new Case("low", "", Criticality.SHEDDABLE),
          new Case("low", "critical", Criticality.SHEDDABLE)
        }) {
      String said = one.said();
      assertEquals(
          one.expected(),
          admission.classOf(caller(one.who()), name -> said.isEmpty() ? null : said),
          one.toString());
    }
    Fault unknown = refusal(() -> admission.classOf(caller("a"), name -> "high"));
    assertEquals(io.grpc.Status.Code.INVALID_ARGUMENT, unknown.code());
    assertEquals(
        "x-understudy-criticality: 'high' (expected: critical, default or sheddable)",
        unknown.getMessage());
    assertEquals(
        Criticality.DEFAULT,
        admission("{}").classOf(caller("a"), name -> "high"),
        "nobody looks where there are no classes");
  }

  private static Principal caller(String name) {
    return new Principal(name, Grant.OPEN);
  }

  @Test
  void aGrantLetsItsOwnerClaimMoreWhereLimitsSayNothingOfHim() {
    Admission admission =
        admission("{criticality: {}, principals: {low: {highestCriticality: sheddable}}}");
    Grant critical = Grant.of(Set.of(CallerRole.INFER), ModelScope.ALL, Criticality.CRITICAL);
    assertEquals(
        Criticality.CRITICAL,
        admission.classOf(new Principal("granted", critical), name -> "critical"));
    assertEquals(
        Criticality.SHEDDABLE,
        admission.classOf(new Principal("low", critical), name -> "critical"),
        "limits have the last word");
  }

  @Test
  void sheddableGoesFirstAndCriticalLast() {
    Admission admission = admission("{criticality: {}, concurrentCalls: 10, bytesInFlight: 1000B}");
    for (int i = 0; i < 7; i++) {
      admission.enter("a", Criticality.SHEDDABLE, Method.INFER, NEVER, 0);
    }
    assertEquals(
        "Exceeds maximum queue size: 7 calls are in flight",
        refusal(() -> admission.enter("a", Criticality.SHEDDABLE, Method.INFER, NEVER, 0))
            .getMessage());
    admission.enter("a", Criticality.DEFAULT, Method.INFER, NEVER, 0);
    admission.enter("a", Criticality.DEFAULT, Method.INFER, NEVER, 0);
    refusal(() -> admission.enter("a", Criticality.DEFAULT, Method.INFER, NEVER, 0));
    admission.enter("a", Criticality.CRITICAL, Method.INFER, NEVER, 0);
    refusal(() -> admission.enter("a", Criticality.CRITICAL, Method.INFER, NEVER, 0));

    admission.takeBytes(Criticality.SHEDDABLE, 700);
    refusal(() -> admission.takeBytes(Criticality.SHEDDABLE, 1));
    admission.takeBytes(Criticality.DEFAULT, 200);
    refusal(() -> admission.takeBytes(Criticality.DEFAULT, 1));
    admission.takeBytes(Criticality.CRITICAL, 100);
    refusal(() -> admission.takeBytes(Criticality.CRITICAL, 1));
    for (Criticality each : Criticality.values()) {
      assertEquals(1, admission.refusals().get(Cause.CALLS, each));
      assertEquals(1, admission.refusals().get(Cause.BYTES, each));
    }
  }

  @Test
  void aDeadlineThatCannotBeKeptIsSaidAtOnce() {
    Admission admission = admission("{deadlineReserve: 2ms}");
    Fault passed = refusal(() -> admission.enter("a", ANY, Method.INFER, 5, 5));
    assertEquals("DEADLINE_PASSED", passed.reason());
    for (int i = 0; i < 20; i++) {
      admission.answered("m", 8_000_000, 0);
    }
    admission.checkTime(ANY, "", "m", 5_000_000, 0);
    Fault tooShort = refusal(() -> admission.checkTime(ANY, "7", "m", 5_000_000, 0));
    assertEquals(io.grpc.Status.Code.DEADLINE_EXCEEDED, tooShort.code());
    assertEquals(
        "[request id: 7] the deadline leaves 5.0 ms, and model 'm' recently needed 10.0 ms or more",
        tooShort.getMessage());
    assertEquals(1, admission.refusals().get(Cause.DEADLINE_PASSED, ANY));
    assertEquals(1, admission.refusals().get(Cause.DEADLINE_TOO_SHORT, ANY));
    Admission patient = admission("{refuseHopeless: false}");
    for (int i = 0; i < 100; i++) {
      patient.answered("m", 8_000_000, 0);
      patient.checkTime(ANY, "", "m", 1, 0);
    }
  }

  @Test
  void aQuotaComesBackWithTime() {
    Admission admission = admission("{requestsPerSecond: 10, burst: 3, bytesPerSecond: 1KiB}");
    assertEquals(3, admitted(admission, "a", "m", 1, 10, 0));
    assertEquals(3, admitted(admission, "a", "m", 1, 10, SECOND));
    assertEquals(NONE.get("x"), null);
  }

  @Test
  void settingsThatMakeNoSenseAreToldTogether() {
    ConfigException e =
        assertThrows(
            ConfigException.class,
            () ->
                settings(
                    """
                    criticality: {sheddableUpTo: 95%, standard: urgent}
                    principals: {a: {}, b: {requestsPerSecond: -1}}
                    models: {m: {}}
                    adaptive: {minimum: 10, start: 5, enabled: true}
                    requestsPerSecond: 0.001
                    burst: 100000000
                    """));
    String said = String.valueOf(e.getMessage());
    for (String part :
        new String[] {
          "criticality.sheddableUpTo: 0.95 (expected: above 0, and at most defaultUpTo)",
          "criticality.standard",
          "principals.a.requestsPerSecond: missing",
          "principals.b.requestsPerSecond",
          "models.m.requestsPerSecond: missing (expected: this or bytesPerSecond)",
          "adaptive.minimum",
          "burst: 100000000 (expected: at most 1500000)"
        }) {
      assertTrue(said.contains(part), part + " in\n" + said);
    }
    ConfigException alone =
        assertThrows(
            ConfigException.class, () -> settings("principals: {a: {criticality: critical}}\n"));
    assertTrue(
        String.valueOf(alone.getMessage())
            .contains("principals.a.criticality: set (expected: limits.criticality is there too)"));
  }
}
