package dev.understudy.launcher.offline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.understudy.chassis.time.TimeSource;
import dev.understudy.proto.inference.ModelInferRequest;
import dev.understudy.proto.inference.ModelInferResponse;
import dev.understudy.proto.v1.EvidenceReport;
import dev.understudy.proto.v1.Intent;
import dev.understudy.proto.v1.Outcome;
import dev.understudy.proto.v1.ServerTiming;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecorderTest {
  @TempDir Path folder;

  /** Two thousand million labels would be the end of the process. */
  @Test
  void aShapeThatAClientMadeUpIsNotBelieved() throws Exception {
    Path contract =
        Files.writeString(
            folder.resolve("contract.yaml"),
            """
            contract: t/1
            slices: [{name: size, batchSize: [2]}]
            """);
    var spec =
        Judgement.spec(
            "tap-m",
            "m",
            new Judgement.Aim(Intent.EQUIVALENT, null, false, false, false),
            new Judgement.Named("1", ""),
            new Judgement.Named("2", ""),
            Contracts.read(contract),
            1,
            0);
    Answer one = answer(1);
    Answer failed =
        new Answer(
            Outcome.BAD_INVALID_ARGUMENT, null, 1, ServerTiming.getDefaultInstance(), "shape");
    try (Recorder recorder = new Recorder(spec, false, TimeSource.system(), null)) {
      for (long rows : new long[] {Integer.MAX_VALUE, Long.MAX_VALUE, -1, 0}) {
        recorder.trio(new Trio("copy", request(rows), failed, failed, null));
        recorder.trio(new Trio("copy", request(rows), one, failed, null));
        recorder.trio(new Trio("copy", request(rows), one, one, null));
      }
      EvidenceReport report = recorder.finish();
      assertEquals(4, report.getPairBothBad());
      assertEquals(4, report.getPairDiscordantCopyBad());
      assertTrue(report.getSlicesList().stream().allMatch(slice -> slice.getPairs() <= 4));
    }
  }

  private static ModelInferRequest request(long rows) {
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .addInputs(
            ModelInferRequest.InferInputTensor.newBuilder()
                .setName("x")
                .setDatatype("FP32")
                .addShape(rows)
                .addShape(1))
        .addRawInputContents(ByteString.copyFrom(new byte[4]))
        .build();
  }

  private static Answer answer(long rows) {
    return new Answer(
        Outcome.OK,
        ModelInferResponse.newBuilder()
            .addOutputs(
                ModelInferResponse.InferOutputTensor.newBuilder()
                    .setName("y")
                    .setDatatype("FP32")
                    .addShape(rows)
                    .addShape(1))
            .addRawOutputContents(ByteString.copyFrom(new byte[4]))
            .build(),
        1,
        ServerTiming.getDefaultInstance(),
        "");
  }
}
