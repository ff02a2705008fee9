package dev.understudy.rollout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.lifecycle.RunningService;
import dev.understudy.chassis.rpc.ChannelOptions;
import dev.understudy.chassis.rpc.Channels;
import dev.understudy.proto.v1.RolloutCommand;
import dev.understudy.proto.v1.RolloutServiceGrpc;
import dev.understudy.rollout.testing.FakeJudge;
import dev.understudy.rollout.testing.FakeModelServer;
import dev.understudy.rollout.testing.FakeRouter;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class TokensTest {
  private static final String PEOPLE = "0123456789abcdef-people";
  private static final String ROUTERS = "0123456789abcdef-routers";

  @TempDir Path directory;

  @Test
  void theRoutersTokenGetsTablesAndCommandsNothing() throws Exception {
    Files.writeString(directory.resolve("people"), PEOPLE);
    Files.writeString(directory.resolve("routers"), ROUTERS);
    try (var judge = new FakeJudge();
        var server = new FakeModelServer("1");
        RunningService controller = Controller.start(config(judge, server))) {
      HostPort address = HostPort.loopback(controller.ports().getOrDefault("grpc", 0));
      ChannelOptions asRouter = ChannelOptions.plaintext().withToken(ROUTERS);
      try (var router = new FakeRouter("r1", address, 0, asRouter)) {
        router.await(table -> table.getModelsCount() == 1);
      }
      assertEquals(Status.Code.UNAUTHENTICATED, abort(address, asRouter));
      assertEquals(Status.Code.UNAUTHENTICATED, abort(address, ChannelOptions.plaintext()));
      assertEquals(
          Status.Code.NOT_FOUND, abort(address, ChannelOptions.plaintext().withToken(PEOPLE)));
    }
  }

  private ControllerConfig config(FakeJudge judge, FakeModelServer server) {
    String yaml =
        """
        listen: 127.0.0.1:0
        state: %1$s/state
        evidence: %2$s
        tokenFile: %1$s/people
        routerTokenFile: %1$s/routers
        models: {fraud: {champion: "1", fleets: {champion: ["%3$s"]}}}
        """
            .formatted(directory, judge.address(), server.address());
    return ConfigFile.parse("controller.yaml", yaml, Map.of(), ControllerConfig::read);
  }

  /** How a command ends when there is nothing to command. */
  private static Status.Code abort(HostPort address, ChannelOptions options) {
    ManagedChannel channel = Channels.open(address, options);
    try {
      var commands = RolloutServiceGrpc.newBlockingStub(channel);
      var command = RolloutCommand.newBuilder().setModel("fraud").setActor("ada").build();
      return assertThrows(StatusRuntimeException.class, () -> commands.abort(command))
          .getStatus()
          .getCode();
    } finally {
      Channels.close(channel, Duration.ofSeconds(1));
    }
  }
}
