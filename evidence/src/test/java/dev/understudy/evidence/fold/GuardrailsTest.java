package dev.understudy.evidence.fold;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.understudy.proto.v1.ArmState;
import dev.understudy.proto.v1.EvaluationSpec;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.JoinedBlock;
import dev.understudy.proto.v1.PairTally;
import dev.understudy.proto.v1.Result;
import dev.understudy.proto.v1.Role;
import org.junit.jupiter.api.Test;

class GuardrailsTest {
  private final Logs logs = new Logs();

  private GuardrailsTest start(EvaluationSpec.Builder spec) {
    logs.add(spec);
    return this;
  }

  private GuardrailsTest start() {
    return start(Logs.spec(Logs.failures()));
  }

  private GuardrailsTest second(long second, Role role, int breakerMs, int notReadyMs) {
    return add(
        JoinedBlock.newBuilder()
            .setSecond(second)
            .addArms(
                ArmState.newBuilder()
                    .setRole(role)
                    .setBreakerOpenMs(breakerMs)
                    .setNotReadyMs(notReadyMs)));
  }

  private GuardrailsTest add(JoinedBlock.Builder block) {
    logs.add(EvidenceLogRecord.newBuilder().setBlock(block));
    return this;
  }

  private String said() {
    return logs.report().getGuardrail();
  }

  @Test
  void fiveSecondsInARowWithoutTheChallengerStopTheRollout() {
    start();
    for (int second = 1; second <= 4; second++) {
      second(second, Role.CANARY, 1000, 0);
      assertEquals("", said());
    }
    second(5, Role.CANARY, 900, 0);
    assertEquals(
        "the challenger could not be asked for 5 s in a row: its circuit breaker is open (stops at"
            + " 5 s)",
        said());
    EvidenceReport report = logs.report();
    assertEquals(Result.AGAINST, report.getOverall());
    assertEquals(
        "Read the challenger's own log around the time it happened; the rollout has been stopped.",
        report.getNext());
  }

  @Test
  void aPlanMaySayHowLong() {
    start(Logs.spec(Logs.failures()).setGuardUnavailableSeconds(2));
    second(1, Role.CANARY, 0, 1000).second(2, Role.CANARY, 0, 1000);
    assertEquals(
        "the challenger could not be asked for 2 s in a row: no server of it is ready (stops at 2"
            + " s)",
        said());
  }

  @Test
  void aGoodSecondAMissingSecondAndAPartOfASecondEndTheRow() {
    start(Logs.spec(Logs.failures()).setGuardUnavailableSeconds(3));
    second(1, Role.CANARY, 1000, 0).second(2, Role.CANARY, 1000, 0);
    second(3, Role.CANARY, 450, 450);
    second(4, Role.CANARY, 1000, 0).second(5, Role.CANARY, 1000, 0);
    add(JoinedBlock.newBuilder().setSecond(6));
    second(7, Role.CANARY, 1000, 0).second(8, Role.CANARY, 1000, 0);
    second(10, Role.CANARY, 1000, 0).second(11, Role.CANARY, 1000, 0);
    assertEquals("", said());
    second(12, Role.CANARY, 1000, 0);
    assertEquals(false, said().isEmpty());
  }

  @Test
  void aLateSecondNeitherEndsTheRowNorGoesOnWithIt() {
    start(Logs.spec(Logs.failures()).setGuardUnavailableSeconds(3));
    second(4, Role.CANARY, 1000, 0).second(5, Role.CANARY, 1000, 0);
    add(JoinedBlock.newBuilder().setSecond(2).setLate(true));
    add(
        JoinedBlock.newBuilder()
            .setSecond(6)
            .setLate(true)
            .addArms(ArmState.newBuilder().setRole(Role.CANARY).setNotReadyMs(1000)));
    assertEquals("", said());
    second(6, Role.CANARY, 1000, 0);
    assertEquals(false, said().isEmpty());
  }

  @Test
  void theCopiesArmCountsUntilTheChallengerAnswersCustomers() {
    start();
    for (int second = 1; second <= 4; second++) {
      second(second, Role.SHADOW, 0, 1000);
    }
    logs.block(Logs.cell(Role.CANARY, 500, 0, 5, 0));
    for (int second = 10; second <= 40; second++) {
      second(second, Role.SHADOW, 0, 1000);
      second(second, Role.CONTROL, 0, 1000);
    }
    assertEquals("", said());
  }

  @Test
  void aRequestThatOnlyItsHeaderBroughtToTheChallengerDoesNotEndTheShadowPhase() {
    start();
    logs.block(Logs.cell(Role.CANARY, 0, 0, 0, 0).toBuilder().setLeftOut(1).build());
    for (int second = 2; second <= 6; second++) {
      second(second, Role.SHADOW, 0, 1000);
    }
    assertEquals(false, said().isEmpty());
  }

  @Test
  void copiesThatCannotBeMadeForLongStopTheShadowPhase() {
    start();
    for (int second = 1; second <= 5; second++) {
      second(second, Role.SHADOW, 0, 1000);
    }
    assertEquals(false, said().isEmpty());
  }

  @Test
  void answersThatAreNotFiniteCountOnlyInARow() {
    start();
    for (int i = 0; i < 10; i++) {
      logs.add(pairs(5, 5));
      logs.add(pairs(5, 5));
      logs.add(pairs(5, 5));
      logs.add(pairs(5, 4));
    }
    assertEquals("", said());
    logs.add(pairs(15, 15)).add(pairs(5, 5));
    assertEquals(
        "20 answers of the challenger in a row that are not finite numbers (stops at 20)", said());
  }

  private static EvidenceLogRecord.Builder pairs(long pairs, long notFinite) {
    return EvidenceLogRecord.newBuilder()
        .setPairs(
            PairTally.newBuilder().setRole(Role.SHADOW).setPairs(pairs).setNotFinite(notFinite));
  }
}
