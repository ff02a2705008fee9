package dev.understudy.router;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.understudy.chassis.error.Fault;
import dev.understudy.chassis.security.ApiKeys;
import dev.understudy.proto.v1.ExplainRouteRequest;
import dev.understudy.proto.v1.ExplainRouteResponse;
import dev.understudy.proto.v1.RouteStep;
import dev.understudy.proto.v1.RouterAdminGrpc;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a dry run says where not everybody may do everything. */
class DryRunTest {
  private static final String SECRET = "a-secret-of-the-router";

  @TempDir Path folder;

  @Test
  void roleAndScopeAreRefusedAsOfLiveCallsBeforeTheModelIsLookedForAndAreNotCounted()
      throws Exception {
    StringBuilder keys = new StringBuilder();
    for (String name : List.of("ann", "ben", "cat")) {
      keys.append(ApiKeys.entry(name, name + "-key", SECRET)).append('\n');
    }
    Path file = Files.writeString(folder.resolve("keys"), keys);
    Path secret = Files.writeString(folder.resolve("secret"), SECRET);
    String yaml =
        "auth: {keys: "
            + file
            + ", secret: "
            + secret
            + ", principals: {ann: {models: [fraud]}, ben: {models: [churn]}, cat: {models: ['*'],"
            + " roles: [metadata]}}}\nmetrics: 127.0.0.1:0\n";
    try (Rig rig = Rig.watching(yaml)) {
      rig.offer(1, rig.route(0, 0));
      ManagedChannel admin =
          NettyChannelBuilder.forAddress("127.0.0.1", rig.router.ports().getOrDefault("admin", 0))
              .usePlaintext()
              .build();
      try {
        assertTrue(explain(admin, "ann", Rig.MODEL).getForwarded());
        for (String name : List.of("ben", "cat")) {
          ExplainRouteResponse told = explain(admin, name, Rig.MODEL);
          assertEquals(
              List.of("who", "scope"),
              told.getStepsList().stream().map(RouteStep::getLayer).toList());
          String page = ContractFlowTest.metrics(rig);
          for (String reason : List.of("model", "role")) {
            assertTrue(page.contains("refusals_total{reason=\"" + reason + "\"} 0.0"), page);
          }
          assertEquals(told.getReason(), explain(admin, name, "no-such-model").getReason());
        }
        for (String name : List.of("ben", "cat")) {
          ExplainRouteResponse told = explain(admin, name, Rig.MODEL);
          Fault live =
              Fault.from(
                  Rig.failure(
                      () -> rig.stub("x-api-key", name + "-key").modelInfer(Rig.request())));
          assertEquals(
              live.code() + " " + live.reason() + " " + live.getMessage(),
              told.getCode() + " " + told.getReason() + " " + told.getMessage());
        }
        ExplainRouteResponse nobody =
            RouterAdminGrpc.newBlockingStub(admin)
                .withDeadlineAfter(15, TimeUnit.SECONDS)
                .explainRoute(
                    ExplainRouteRequest.newBuilder()
                        .setModel(Rig.MODEL)
                        .putHeaders("x-api-key", "wrong")
                        .build());
        String text = nobody.getSteps(0).getText();
        assertTrue(text.endsWith(" (counted like any other)"), text);
      } finally {
        admin.shutdownNow();
      }
    }
  }

  private static ExplainRouteResponse explain(ManagedChannel admin, String name, String model) {
    return RouterAdminGrpc.newBlockingStub(admin)
        .withDeadlineAfter(15, TimeUnit.SECONDS)
        .explainRoute(
            ExplainRouteRequest.newBuilder()
                .setModel(model)
                .setPrincipal(name)
                .setRequest(Rig.request())
                .build());
  }
}
