package dev.understudy.launcher.cli;

import dev.understudy.proto.v1.AuditRecord;
import dev.understudy.proto.v1.ReadAuditRequest;
import dev.understudy.proto.v1.RolloutServiceGrpc.RolloutServiceBlockingStub;
import dev.understudy.proto.v1.VerifyAuditRequest;
import dev.understudy.proto.v1.VerifyAuditResponse;
import java.time.Instant;
import java.util.Iterator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code understudy audit …}: who changed what, and whether the record is whole. */
@Command(
    name = "audit",
    description = "Read and verify the record of who changed what.",
    subcommands = {AuditCommand.Show.class, AuditCommand.Verify.class})
final class AuditCommand {

  private AuditCommand() {}

  @Command(name = "show", description = "Print the audit log, oldest first.")
  static final class Show extends RolloutCommand.ToController {
    @Option(names = "--model", defaultValue = "", description = "Only of this model.")
    String model;

    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      Iterator<AuditRecord> records =
          controller.readAudit(ReadAuditRequest.newBuilder().setModel(model).build());
      while (records.hasNext()) {
        AuditRecord record = records.next();
        if (output == RolloutCommand.Output.JSON) {
          printJson(record);
        } else {
          out()
              .printf(
                  "%6d  %s  %-12s %-20s %s %s%n",
                  record.getSequence(),
                  Instant.ofEpochMilli(record.getUnixMs()),
                  record.getActor(),
                  record.getAction(),
                  record.getModel(),
                  record.getDetail());
        }
      }
      return 0;
    }
  }

  @Command(
      name = "verify",
      description = "Check every link of the audit log's hash chain; exit code 1 if one is broken.")
  static final class Verify extends RolloutCommand.ToController {
    @Override
    int ask(RolloutServiceBlockingStub controller) throws Exception {
      VerifyAuditResponse answer = controller.verifyAudit(VerifyAuditRequest.getDefaultInstance());
      if (output == RolloutCommand.Output.JSON) {
        printJson(answer);
      } else if (answer.getIntact()) {
        out().printf("intact: %,d records, head %s%n", answer.getRecords(), answer.getHeadHash());
      } else {
        out()
            .printf("BROKEN at record %d: %s%n", answer.getFirstBadSequence(), answer.getProblem());
      }
      return answer.getIntact() ? 0 : 1;
    }
  }
}
