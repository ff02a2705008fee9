package dev.understudy.rollout.fleet;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.chassis.config.HostPort;
import dev.understudy.proto.v1.DataContract;
import dev.understudy.proto.v1.LineageOverflow;
import dev.understudy.proto.v1.ModelRoute;
import dev.understudy.rollout.fleet.Fleets.Holding;
import dev.understudy.rollout.routing.ModelConfig;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class HoldingsTest {
  private static final HostPort A = HostPort.loopback(1);
  private static final HostPort B = HostPort.loopback(2);

  private static ModelConfig config(HostPort champion, HostPort challenger, HostPort control) {
    return new ModelConfig(
        "m",
        null,
        DataContract.getDefaultInstance(),
        "1",
        List.of(champion),
        List.of(challenger),
        List.of(control),
        0,
        LineageOverflow.LINEAGE_DROP,
        0,
        ModelRoute.getDefaultInstance(),
        null);
  }

  private static Holding holding(HostPort server, String awaited, String... versions) {
    return new Holding(server, new TreeSet<>(List.of(versions)), awaited);
  }

  @Test
  void oneServerForEverythingHoldsBothVersions() {
    assertEquals(
        List.of(holding(A, "2", "1", "2"), holding(A, "1", "1", "2")),
        Holdings.forTrial(config(A, A, A), "1", "2"));
  }

  @Test
  void fleetsOfTheirOwnHoldOneVersionEach() {
    assertEquals(
        List.of(holding(B, "2", "2"), holding(B.withPort(3), "1", "1")),
        Holdings.forTrial(config(A, B, B.withPort(3)), "1", "2"));
  }

  @Test
  void promotionKeepsTheVersionBeforeAndItsEndDropsIt() {
    ModelConfig config = config(A, B, B);
    assertEquals(List.of(holding(A, "2", "1", "2")), Holdings.forSwitch(config, "1", "2", "2"));
    assertEquals(List.of(holding(A, "2", "2")), Holdings.afterwards(config, "2", "2"));
  }

  @Test
  void watchKeepsTheFormerChampionWhereItAnswers() {
    HostPort control = B.withPort(3);
    assertEquals(
        List.of(holding(control, "1", "1")), Holdings.forWatch(config(A, B, control), "1", "2"));
    assertEquals(List.of(holding(A, "1", "1", "2")), Holdings.forWatch(config(A, B, A), "1", "2"));
    ModelConfig without =
        new ModelConfig(
            "m",
            null,
            DataContract.getDefaultInstance(),
            "1",
            List.of(A),
            List.of(B),
            List.of(),
            0,
            LineageOverflow.LINEAGE_DROP,
            0,
            ModelRoute.getDefaultInstance(),
            null);
    assertEquals(List.of(holding(A, "1", "1", "2")), Holdings.forWatch(without, "1", "2"));
  }

  @Test
  void versionsAreOrderedAsNumbersInTheLoadCall() {
    var versions = Holdings.forTrial(config(A, A, A), "10", "9").getFirst().versions();
    assertEquals(
        "{\"version_policy\":{\"specific\":{\"versions\":[9,10]}}}",
        GrpcFleets.versionPolicy(versions));
  }
}
