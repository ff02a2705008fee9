package dev.understudy.launcher.cli;

import dev.understudy.proto.v1.EvidenceServiceGrpc;
import dev.understudy.proto.v1.EvidenceServiceGrpc.EvidenceServiceBlockingStub;
import io.grpc.ManagedChannel;
import picocli.CommandLine.Option;

/** A command to the comparator. */
abstract class ToComparator extends RpcCommand {
  @Option(
      names = "--comparator",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:UNDERSTUDY_COMPARATOR:-127.0.0.1:8101}",
      description = "The comparator (default: ${DEFAULT-VALUE}).")
  String comparator;

  @Override
  String target() {
    return comparator;
  }

  @Override
  int run(ManagedChannel channel) throws Exception {
    return ask(EvidenceServiceGrpc.newBlockingStub(channel));
  }

  abstract int ask(EvidenceServiceBlockingStub comparator) throws Exception;
}
