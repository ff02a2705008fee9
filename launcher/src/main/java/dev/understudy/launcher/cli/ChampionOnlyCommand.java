package dev.understudy.launcher.cli;

import dev.understudy.proto.v1.RouterAdminGrpc;
import dev.understudy.proto.v1.SetChampionOnlyRequest;
import io.grpc.ManagedChannel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code understudy router champion-only MODEL}: works without a controller. */
@Command(
    name = "champion-only",
    description =
        "Break the glass: this router sends every request of the model to its champion until"
            + " lifted.")
final class ChampionOnlyCommand extends RpcCommand {

  @Option(
      names = "--admin",
      paramLabel = "HOST:PORT",
      defaultValue = "${env:UNDERSTUDY_ROUTER_ADMIN:-127.0.0.1:8091}",
      description = "The router's admin port (default: ${DEFAULT-VALUE}).")
  String admin;

  @Option(names = "--lift", description = "Follow the routing table again.")
  boolean lift;

  @Parameters(paramLabel = "MODEL", description = "The model's name.")
  String model;

  @Override
  String target() {
    return admin;
  }

  @Override
  int run(ManagedChannel channel) {
    RouterAdminGrpc.newBlockingStub(channel)
        .setChampionOnly(
            SetChampionOnlyRequest.newBuilder().setModel(model).setChampionOnly(!lift).build());
    out()
        .println(
            lift
                ? model + ": follows the routing table again"
                : model + ": champion only, at this router, until lifted with --lift");
    return 0;
  }
}
