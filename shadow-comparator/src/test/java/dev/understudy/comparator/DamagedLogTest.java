package dev.understudy.comparator;

import static dev.understudy.comparator.intake.Blocks.START;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.comparator.config.ComparatorConfig;
import dev.understudy.comparator.intake.Blocks;
import dev.understudy.comparator.testing.FakeRouter;
import dev.understudy.proto.v1.Cell;
import dev.understudy.proto.v1.ReadLogRequest;
import dev.understudy.proto.v1.ReadPairsRequest;
import dev.understudy.proto.v1.ReportRequest;
import dev.understudy.proto.v1.Role;
import dev.understudy.proto.v1.StopEvaluationRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DamagedLogTest {
  @TempDir Path folder;

  private static ServingStatus health(Rig rig, String name) {
    return HealthGrpc.newBlockingStub(rig.channel)
        .check(HealthCheckRequest.newBuilder().setService(name).build())
        .getStatus();
  }

  @Test
  void aDamagedLogIsRefusedWithReasonAndPositionAndOtherRolloutsGoOn() throws Exception {
    try (Rig rig = new Rig(ComparatorConfig.local(folder))) {
      rig.service().startEvaluation(Rig.spec());
      rig.service().startEvaluation(Blocks.spec("sound").build());
      FakeRouter router = new FakeRouter("a", "a1");
      router.connect(rig.channel);
      for (int i = 1; i <= 5; i++) {
        router.second(START + i, Rig.good(), List.of());
        assertTrue(router.awaitAcknowledged(i, Rig.PATIENCE));
      }
      assertEquals(ServingStatus.SERVING, health(rig, Comparator.LOGS_HEALTH));
    }
    Path segment = folder.resolve("r-r").resolve("0000000000000001.evidence");
    byte[] bytes = Files.readAllBytes(segment);
    bytes[bytes.length / 2] ^= 1;
    Files.write(segment, bytes);

    try (Rig rig = new Rig(ComparatorConfig.local(folder))) {
      for (Runnable call :
          List.<Runnable>of(
              rig::report,
              () -> rig.service().watchReport(Rig.REPORT).next(),
              () ->
                  rig.service()
                      .readLog(ReadLogRequest.newBuilder().setRolloutId("r").build())
                      .next(),
              () ->
                  rig.service()
                      .readPairs(ReadPairsRequest.newBuilder().setRolloutId("r").build())
                      .next(),
              () -> rig.service().startEvaluation(Rig.spec()),
              () ->
                  rig.service()
                      .stopEvaluation(
                          StopEvaluationRequest.newBuilder().setRolloutId("r").build()))) {
        var e = assertThrows(StatusRuntimeException.class, call::run);
        assertEquals(Status.Code.DATA_LOSS, e.getStatus().getCode());
        String text = String.valueOf(e.getStatus().getDescription());
        assertTrue(
            text.matches(
                ".*r-r/0000000000000001\\.evidence: the frame at byte \\d+ does not match its"
                    + " check, and sound records follow; records 1 to \\d before it are sound"),
            text);
      }
      assertArrayEquals(bytes, Files.readAllBytes(segment));
      assertEquals(ServingStatus.NOT_SERVING, health(rig, Comparator.LOGS_HEALTH));
      assertEquals(ServingStatus.SERVING, health(rig, ""));

      FakeRouter router = new FakeRouter("a", "a2");
      router.connect(rig.channel);
      List<Cell> cells =
          List.of(
              Blocks.cell("sound", Role.CANARY, 25, 0), Blocks.cell("sound", Role.CHAMPION, 75, 0));
      router.second(START + 9, cells, List.of());
      assertTrue(router.awaitAcknowledged(1, Rig.PATIENCE));
      assertEquals(
          1,
          rig.service()
              .getReport(ReportRequest.newBuilder().setRolloutId("sound").build())
              .getBlocks());
    }
  }
}
