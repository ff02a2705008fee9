package dev.understudy.launcher.cli;

import dev.understudy.comparator.log.EvidenceFile;
import dev.understudy.proto.v1.EvidenceLogRecord;
import dev.understudy.proto.v1.EvidenceServiceGrpc.EvidenceServiceBlockingStub;
import dev.understudy.proto.v1.ReadLogRequest;
import java.nio.file.Path;
import java.util.Iterator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code understudy rollout log ROLLOUT --out f.evidence}: the evidence log, to carry away. */
@Command(
    name = "log",
    description =
        "Write a rollout's evidence log to one file, which rollout replay reads on any machine.")
final class RolloutLogCommand extends ToComparator {
  @Parameters(paramLabel = "ROLLOUT", description = "The rollout's id.")
  String rollout;

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "The file.")
  Path file;

  @Override
  int ask(EvidenceServiceBlockingStub comparator) throws Exception {
    Iterator<EvidenceLogRecord> records =
        comparator.readLog(ReadLogRequest.newBuilder().setRolloutId(rollout).build());
    // Only once the comparator has answered is there a file.
    boolean any = records.hasNext();
    long written = 0;
    try (EvidenceFile.Writer writer = EvidenceFile.write(file)) {
      while (any && records.hasNext()) {
        EvidenceLogRecord record = records.next();
        writer.add(record);
        written = record.getSequence();
      }
      writer.finish();
    }
    out().printf("%s: %,d records%n", file, written);
    return 0;
  }
}
