package dev.understudy.router.testing.engine;

import dev.understudy.chassis.config.ConfigFile;
import dev.understudy.chassis.config.HostPort;
import dev.understudy.chassis.connection.ConnectionGuards;
import dev.understudy.chassis.connection.ConnectionLimits;
import dev.understudy.chassis.rpc.EventLoops;
import dev.understudy.chassis.rpc.GrpcServers;
import dev.understudy.chassis.rpc.RpcServer;
import dev.understudy.chassis.rpc.ServerOptions;
import dev.understudy.proto.inference.ModelConfigResponse;
import dev.understudy.proto.inference.ModelMetadataResponse;
import dev.understudy.proto.inference.ModelStatisticsResponse;
import dev.understudy.router.call.Gate;
import dev.understudy.router.call.Headers;
import dev.understudy.router.call.InferService;
import dev.understudy.router.call.ModelQuestions;
import dev.understudy.router.call.Principal;
import dev.understudy.router.call.Refusals;
import dev.understudy.router.frontend.Frontend;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** The engine on grpc-java, with the guards of connections in front as in a router. */
public final class GrpcEngine implements Engine {
  private final EventLoops loops;
  private final RpcServer server;

  private GrpcEngine(EventLoops loops, RpcServer server) {
    this.loops = loops;
    this.server = server;
  }

  /** Starts one. */
  public static GrpcEngine start(InferService service, Limits limits) throws IOException {
    EventLoops loops = EventLoops.nio("engine", 1);
    ConnectionLimits connections =
        ConfigFile.parse(
            "engine.yaml", "headerBytes: " + limits.headerBytes() + "B\n", ConnectionLimits::read);
    RpcServer server =
        GrpcServers.server(
            ServerOptions.at(HostPort.loopback(0))
                .service(
                    Frontend.service(
                        service, new NoModels(), new OpenGate(), "engine", System::nanoTime))
                .maxMessageBytes(limits.messageBytes())
                .directExecutor(true)
                .eventLoops(loops)
                .guards(new ConnectionGuards(connections))
                .build());
    return new GrpcEngine(loops, server);
  }

  @Override
  public int port() {
    return server.port();
  }

  @Override
  public void drain(Duration grace) throws InterruptedException {
    server.drain(grace);
  }

  @Override
  public void close() {
    server.close();
    loops.close();
  }

  /** The kit asks about no model. */
  private static final class NoModels implements ModelQuestions {
    @Override
    public boolean serverReady() {
      return true;
    }

    @Override
    public CompletionStage<Boolean> ready(String model, String version) {
      return CompletableFuture.completedFuture(false);
    }

    @Override
    public CompletionStage<ModelMetadataResponse> metadata(String model, String version) {
      return unknown(model);
    }

    @Override
    public CompletionStage<ModelConfigResponse> config(String model, String version) {
      return unknown(model);
    }

    @Override
    public CompletionStage<ModelStatisticsResponse> statistics(String model, String version) {
      return unknown(model);
    }

    private static <A> CompletionStage<A> unknown(String model) {
      return CompletableFuture.failedFuture(Refusals.unknownModel("", model));
    }
  }

  /** Everybody may ask. */
  private static final class OpenGate implements Gate {
    @Override
    public Principal authenticate(Headers headers) {
      return Principal.ANONYMOUS;
    }

    @Override
    public void checkRead(Principal principal, String model) {
      // Everybody may.
    }
  }
}
