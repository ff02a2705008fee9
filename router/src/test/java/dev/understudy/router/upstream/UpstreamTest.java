package dev.understudy.router.upstream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.rpc.EventLoops;
import dev.understudy.chassis.testing.ManualTime;
import dev.understudy.proto.v1.Arm;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.RoutingTable;
import dev.understudy.router.call.Answer;
import dev.understudy.router.call.Criticality;
import dev.understudy.router.call.Message;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.overload.BackendLimits;
import dev.understudy.router.overload.ClassShares;
import dev.understudy.router.overload.GradientLimit;
import dev.understudy.router.overload.GradientSettings;
import dev.understudy.router.table.ArmPlan;
import dev.understudy.router.table.Tables;
import dev.understudy.router.testing.FakeBackend;
import dev.understudy.router.testing.FakeResolver;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class UpstreamTest {
  private static final Profile PLAIN = new Profile(null, null, null, 1 << 20);
  private static final UpstreamSettings SETTINGS = UpstreamSettings.DEFAULT;

  private final EventLoops loops = EventLoops.nio("test", 1);
  private final ManualTime time = new ManualTime();
  private final FakeResolver resolver = new FakeResolver();
  private final List<Upstream> open = new ArrayList<>();

  @AfterEach
  void close() {
    open.forEach(Upstream::close);
    loops.close();
  }

  private Upstream upstream(long seed) {
    Upstream upstream =
        new Upstream(
            loops,
            Map.of("", PLAIN),
            null,
            BreakerSettings.DEFAULT,
            null,
            SETTINGS,
            resolver,
            new Random(seed),
            time);
    open.add(upstream);
    return upstream;
  }

  private static ArmPlan arm(String... endpoints) {
    RoutingTable table =
        RoutingTable.newBuilder()
            .addModels(
                ModelRoute.newBuilder()
                    .setModel("m")
                    .addArms(
                        Arm.newBuilder()
                            .setName("champion")
                            .setRole(Role.CHAMPION)
                            .setVersion("1")
                            .addAllEndpoints(Arrays.asList(endpoints))))
            .build();
    return Tables.compile(table, false, Set.of("")).values().iterator().next().champion();
  }

  /** The hosts of a thousand calls, each of which ended well after the same time. */
  private Map<String, Integer> calls(Upstream upstream, ArmPlan arm) {
    Map<String, Integer> hosts = new TreeMap<>();
    for (int i = 0; i < 1000; i++) {
      Upstream.Slot slot = upstream.slot(arm, Criticality.DEFAULT, false, null);
      assertNotNull(slot);
      hosts.merge(slot.host(), 1, Integer::sum);
      end(upstream, slot, Outcome.OK);
    }
    return hosts;
  }

  private void end(Upstream upstream, Upstream.Slot slot, Outcome outcome) {
    Answer answer =
        outcome == Outcome.OK
            ? Answer.ok(new byte[0], null, 1_000_000)
            : Answer.failed(
                outcome, Refusals.cancelled(), 1_000_000, outcome == Outcome.BAD_UNAVAILABLE);
    upstream.ended(slot, answer, time.nanoTime());
  }

  /** A slot of this very host, whatever its load. */
  private static Upstream.Slot at(Upstream upstream, ArmPlan arm, String host) {
    for (long key = 0; ; key++) {
      Upstream.Slot slot = upstream.sticky(arm, Criticality.DEFAULT, key);
      assertNotNull(slot);
      if (slot.host().equals(host)) {
        return slot;
      }
      upstream.release(slot);
    }
  }

  private void fail(Upstream upstream, ArmPlan arm, String host, Outcome outcome, int times) {
    for (int i = 0; i < times; i++) {
      end(upstream, at(upstream, arm, host), outcome);
    }
  }

  private static ArmPlan threeOf(FakeResolver resolver) {
    resolver.say("m.svc", "10.0.0.1", "10.0.0.2", "10.0.0.3");
    return arm("dns:///m.svc:8001");
  }

  @Test
  void eachAddressOfANameIsABackendAndChangesAreFollowed() {
    Upstream upstream = upstream(1);
    ArmPlan arm = threeOf(resolver);
    assertNull(
        upstream.slot(arm, Criticality.DEFAULT, true, null),
        "nothing is known before the first look-up");
    assertFalse(upstream.available(arm));
    upstream.retain(List.of(arm));
    assertEquals(Set.of("10.0.0.1", "10.0.0.2", "10.0.0.3"), calls(upstream, arm).keySet());
    resolver.say("m.svc", "10.0.0.2", "10.0.0.3", "10.0.0.4", "::1", "10.0.0.4");
    upstream.tick();
    assertEquals(1, resolver.asked(), "not before it is time");
    time.advance(SETTINGS.dnsRefresh());
    upstream.tick();
    assertEquals(2, resolver.asked());
    assertEquals(
        Set.of("10.0.0.2", "10.0.0.3", "10.0.0.4", "0:0:0:0:0:0:0:1"),
        calls(upstream, arm).keySet());
  }

  @Test
  void theLastGoodAnswerIsKept() {
    Upstream upstream = upstream(1);
    ArmPlan arm = threeOf(resolver);
    upstream.retain(List.of(arm));
    resolver.forget("m.svc");
    time.advance(SETTINGS.dnsRefresh());
    upstream.tick();
    assertEquals(1, upstream.failedLookUps());
    resolver.say("m.svc");
    time.advance(SETTINGS.dnsRefresh());
    upstream.tick();
    assertEquals(2, upstream.failedLookUps());
    assertEquals(3, calls(upstream, arm).size());
  }

  @Test
  void aNameWithTooManyAddressesIsCutAndCounted() {
    Upstream upstream = upstream(1);
    String[] many = new String[200];
    for (int i = 0; i < many.length; i++) {
      many[i] = "10.0.1." + i;
    }
    resolver.say("many", many);
    ArmPlan arm = arm("dns:///many:8001");
    upstream.retain(List.of(arm));
    assertEquals(64, upstream.report().size());
    assertEquals(136, upstream.addressesLeftOut());
    Upstream other = upstream(2);
    other.retain(List.of(arm));
    assertNotEquals(addresses(upstream), addresses(other), "every router takes others");
  }

  private static Set<String> addresses(Upstream upstream) {
    Set<String> addresses = new TreeSet<>();
    upstream.report().forEach(backend -> addresses.add(backend.address()));
    return addresses;
  }

  @Test
  void theSameSeedChoosesTheSameBackends() {
    List<List<String>> chosen = new ArrayList<>();
    for (int run = 0; run < 2; run++) {
      Upstream upstream = upstream(42);
      ArmPlan arm = arm("h1:1", "h2:1", "h3:1", "h4:1");
      upstream.retain(List.of(arm));
      List<String> hosts = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        Upstream.Slot slot = upstream.slot(arm, Criticality.DEFAULT, false, null);
        assertNotNull(slot);
        hosts.add(slot.host());
        end(upstream, slot, Outcome.OK);
      }
      chosen.add(hosts);
    }
    assertEquals(chosen.getFirst(), chosen.getLast());
    assertEquals(4, Set.copyOf(chosen.getFirst()).size());
  }

  @Test
  void failuresInARowEjectForLongerEachTime() {
    Upstream upstream = upstream(1);
    ArmPlan arm = arm("h1:1", "h2:1", "h3:1");
    upstream.retain(List.of(arm));
    for (int round = 1; round <= 3; round++) {
      fail(upstream, arm, "h1", Outcome.BAD_UNAVAILABLE, 4);
      assertEquals(round - 1, upstream.ejections());
      fail(upstream, arm, "h1", Outcome.BAD_UNAVAILABLE, 1);
      assertEquals(round, upstream.ejections());
      assertFalse(calls(upstream, arm).containsKey("h1"));
      assertEquals(1, upstream.report().stream().filter(backend -> backend.state() == 2).count());
      time.advance(Duration.ofSeconds(5L * round).minusMillis(1));
      upstream.tick();
      assertFalse(calls(upstream, arm).containsKey("h1"));
      time.advance(Duration.ofMillis(1));
      upstream.tick();
      // What it cost is forgotten with time.
      time.advance(Duration.ofMinutes(5));
      assertTrue(calls(upstream, arm).containsKey("h1"));
    }
  }

  @Test
  void whatABackendAnswersEjectsNobody() {
    Upstream upstream = upstream(1);
    ArmPlan arm = arm("h1:1", "h2:1", "h3:1");
    upstream.retain(List.of(arm));
    for (Outcome outcome :
        List.of(Outcome.BAD_INVALID_ARGUMENT, Outcome.BAD_INTERNAL, Outcome.CANCELLED_BY_CLIENT)) {
      fail(upstream, arm, "h1", outcome, 30);
    }
    assertEquals(0, upstream.ejections());
    assertTrue(upstream.available(arm));
  }

  @Test
  void quickFailuresAttractNoCalls() {
    Upstream upstream = upstream(1);
    ArmPlan arm = arm("h1:1", "h2:1", "h3:1");
    upstream.retain(List.of(arm));
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
      time.advance(Duration.ofMillis(10));
      Upstream.Slot slot = upstream.slot(arm, Criticality.DEFAULT, false, null);
      assertNotNull(slot);
      if (slot.host().equals("h1")) {
        refused++;
        upstream.ended(
            slot,
            Answer.failed(Outcome.BAD_INTERNAL, Refusals.cancelled(), 10_000, false),
            time.nanoTime());
      } else {
        end(upstream, slot, Outcome.OK);
      }
    }
    assertTrue(refused > 0 && refused < 100, "a third would be 1000: " + refused);
  }

  @Test
  void theLastOnesAreNeverEjected() {
    Upstream upstream = upstream(1);
    ArmPlan arm = arm("h1:1", "h2:1");
    upstream.retain(List.of(arm));
    for (int i = 0; i < 12; i++) {
      Upstream.Slot slot = upstream.slot(arm, Criticality.DEFAULT, false, null);
      assertNotNull(slot);
      end(upstream, slot, Outcome.BAD_UNAVAILABLE);
    }
    assertEquals(1, upstream.ejections());
    assertTrue(upstream.available(arm), "the arm is there as long as a breaker is closed");
  }

  @Test
  void oneBackendAloneFailsUntilItsBreakerSaysSo() {
    Upstream upstream = upstream(1);
    ArmPlan arm = arm("h1:1");
    upstream.retain(List.of(arm));
    int seen = 0;
    while (upstream.available(arm)) {
      Upstream.Slot slot = upstream.slot(arm, Criticality.DEFAULT, false, null);
      assertNotNull(slot);
      end(upstream, slot, Outcome.BAD_UNAVAILABLE);
      seen++;
    }
    assertEquals(20, seen, "all of them are evidence");
    assertEquals(0, upstream.ejections());
    assertNull(upstream.slot(arm, Criticality.DEFAULT, false, null));
    Upstream.Slot last = upstream.slot(arm, Criticality.DEFAULT, true, null);
    assertNotNull(last, "a champion is asked all the same");
    upstream.release(last);
    assertEquals(0, upstream.report().getFirst().inFlight());
    assertEquals(3, upstream.report().getFirst().state());
  }

  @Test
  void amongFivePeersWhoFailsMoreOftenIsEjected() {
    Upstream upstream = upstream(1);
    ArmPlan arm = arm("h1:1", "h2:1", "h3:1", "h4:1", "h5:1");
    upstream.retain(List.of(arm));
    upstream.tick();
    String[] hosts = {"h1", "h2", "h3", "h4", "h5"};
    for (int i = 0; i < 150; i++) {
      // Never five in a row, and never so many that a breaker would mind.
      boolean fails = i % 5 == 0 && i % 4 == 0;
      end(upstream, at(upstream, arm, hosts[i % 5]), fails ? Outcome.BAD_UNAVAILABLE : Outcome.OK);
    }
    assertEquals(0, upstream.ejections());
    time.advance(SETTINGS.outliers().interval());
    upstream.tick();
    assertEquals(
        "h1:1",
        upstream.report().stream()
            .filter(backend -> backend.ejections() > 0)
            .map(BackendReport::address)
            .reduce("", String::concat));
  }

  @Test
  void aKeyStaysAtItsBackendWhateverBecomesOfTheOthers() {
    Upstream upstream = upstream(1);
    ArmPlan arm = threeOf(resolver);
    upstream.retain(List.of(arm));
    Map<Long, String> before = new HashMap<>();
    for (long key = 0; key < 300; key++) {
      before.put(key, sticky(upstream, arm, key));
    }
    assertEquals(3, Set.copyOf(before.values()).size());
    resolver.say("m.svc", "10.0.0.1", "10.0.0.3", "10.0.0.9");
    time.advance(SETTINGS.dnsRefresh());
    upstream.tick();
    for (long key = 0; key < 300; key++) {
      String now = sticky(upstream, arm, key);
      assertTrue(
          now.equals(before.get(key))
              || now.equals("10.0.0.9")
              || "10.0.0.2".equals(before.get(key)),
          () -> "moved without need");
    }
  }

  private static String sticky(Upstream upstream, ArmPlan arm, long key) {
    Upstream.Slot slot = upstream.sticky(arm, Criticality.DEFAULT, key);
    assertNotNull(slot);
    upstream.release(slot);
    return slot.host();
  }

  @Test
  void aCallOutlivesItsBackendsPlaceInTheName() throws Exception {
    try (FakeBackend first = FakeBackend.scoring(0.5f);
        FakeBackend second = FakeBackend.at("127.0.0.2", first.port(), 0.5f)) {
      first.behave(first.delayed(400, FakeBackend.ok(0.5f)));
      resolver.say("m.svc", "127.0.0.1");
      ArmPlan arm = arm("dns:///m.svc:" + first.port());
      Upstream upstream = upstream(1);
      upstream.retain(List.of(arm));
      CompletableFuture<Answer> slow = infer(upstream, arm);
      resolver.say("m.svc", "127.0.0.2");
      time.advance(SETTINGS.dnsRefresh());
      upstream.tick();
      time.advance(Duration.ofSeconds(2));
      upstream.tick();
      assertEquals(Outcome.OK, infer(upstream, arm).get(20, TimeUnit.SECONDS).outcome());
      assertEquals(1, second.calls());
      assertEquals(Outcome.OK, slow.get(20, TimeUnit.SECONDS).outcome());
      assertEquals(1, first.calls());
      assertEquals(Set.of("m.svc:" + first.port()), second.authorities());
    }
  }

  @Test
  void aChosenBackendMayBeLetGoOfBeforeItIsAsked() throws Exception {
    try (FakeBackend backend = FakeBackend.scoring(0.5f)) {
      ArmPlan arm = arm(backend.address());
      Upstream upstream = upstream(1);
      upstream.retain(List.of(arm));
      Upstream.Slot slot = upstream.slot(arm, Criticality.DEFAULT, false, null);
      assertNotNull(slot);
      upstream.retain(List.of());
      upstream.tick();
      assertEquals(Outcome.OK, infer(upstream, arm, slot).get(20, TimeUnit.SECONDS).outcome());
    }
  }

  private CompletableFuture<Answer> infer(Upstream upstream, ArmPlan arm) {
    Upstream.Slot slot = upstream.slot(arm, Criticality.DEFAULT, false, null);
    assertNotNull(slot);
    return infer(upstream, arm, slot);
  }

  private static CompletableFuture<Answer> infer(
      Upstream upstream, ArmPlan arm, Upstream.Slot slot) {
    CompletableFuture<Answer> end = new CompletableFuture<>();
    var _ =
        upstream.send(
            slot,
            arm,
            Message.of(FakeBackend.request("m", 1, 2, 3).toByteArray()),
            new AttemptOptions("id", "", name -> null, 10_000_000_000L, false, false),
            () -> {},
            end::complete);
    return end;
  }

  @Test
  void aBackendThatIsNotThereIsUnavailable() throws Exception {
    FakeBackend gone = FakeBackend.scoring(0.5f);
    String address = gone.address();
    gone.close();
    ArmPlan arm = arm(address);
    Upstream upstream = upstream(1);
    upstream.retain(List.of(arm));
    Answer answer = infer(upstream, arm).get(20, TimeUnit.SECONDS);
    assertEquals(Outcome.BAD_UNAVAILABLE, answer.outcome());
    assertTrue(answer.transport());
    assertNotNull(answer.fault());
    assertEquals(Status.Code.UNAVAILABLE, answer.fault().code());
  }

  @Test
  void whoHasLeftIsNotEjectedAndTakesNobodysPlace() {
    Upstream upstream = upstream(1);
    ArmPlan arm = threeOf(resolver);
    upstream.retain(List.of(arm));
    List<Upstream.Slot> late = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      late.add(at(upstream, arm, "10.0.0.1"));
    }
    resolver.say("m.svc", "10.0.0.2", "10.0.0.3");
    time.advance(SETTINGS.dnsRefresh());
    upstream.tick();
    late.forEach(slot -> end(upstream, slot, Outcome.BAD_UNAVAILABLE));
    assertEquals(0, upstream.ejections());
    fail(upstream, arm, "10.0.0.2", Outcome.BAD_UNAVAILABLE, 5);
    assertEquals(1, upstream.ejections());
  }

  private Upstream upstream(BackendLimits limits) {
    Upstream upstream =
        new Upstream(
            loops,
            Map.of("", PLAIN),
            null,
            BreakerSettings.DEFAULT,
            limits,
            SETTINGS,
            resolver,
            new Random(1),
            time);
    open.add(upstream);
    return upstream;
  }

  private BackendLimits oneCallEach() {
    return new BackendLimits(
        new GradientSettings(1, 1, 1, 2, Duration.ofMillis(100), Duration.ofSeconds(30)),
        ClassShares.ALIKE,
        time::nanoTime);
  }

  @Test
  void aRareQuestionNeedsNoPlace() {
    BackendLimits limits = oneCallEach();
    Upstream upstream = upstream(limits);
    ArmPlan arm = arm("h1:1");
    upstream.retain(List.of(arm));
    assertNotNull(upstream.slot(arm, Criticality.DEFAULT, false, null));
    assertNull(upstream.slot(arm, Criticality.DEFAULT, false, null));
    long refused = limits.of("h1:1").refused();
    assertNotNull(upstream.channel(arm));
    assertEquals(refused, limits.of("h1:1").refused());
    assertEquals(1, limits.of("h1:1").inFlight());
  }

  @Test
  void aLimitStaysAsLongAsAnyBackendOfItsAddress() {
    BackendLimits limits = oneCallEach();
    Upstream upstream = upstream(limits);
    resolver.say("m.svc", "10.0.0.1");
    ArmPlan named = arm("dns:///m.svc:8001");
    ArmPlan numbered = arm("10.0.0.1:8001");
    upstream.retain(List.of(named, numbered));
    GradientLimit limit = limits.all().get("10.0.0.1:8001");
    assertNotNull(limit);
    upstream.retain(List.of(numbered));
    time.advance(Duration.ofSeconds(2));
    upstream.tick();
    assertSame(limit, limits.all().get("10.0.0.1:8001"));
    upstream.retain(List.of());
    time.advance(Duration.ofSeconds(2));
    upstream.tick();
    assertEquals(Map.of(), limits.all());
  }
}
