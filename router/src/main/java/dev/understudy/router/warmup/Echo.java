package dev.understudy.router.warmup;

import dev.understudy.router.call.Message;
import dev.understudy.router.rpc.InferMethods;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** A backend that gives every call the same answer at once. */
final class Echo implements ServerCallHandler<byte[], Message>, AutoCloseable {
  private final Message answer;
  private final Server server;

  private Echo(byte[] answer) throws IOException {
    this.answer = Message.of(answer);
    this.server =
        NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
            .directExecutor()
            .addService(
                ServerServiceDefinition.builder(InferMethods.SERVICE)
                    .addMethod(InferMethods.serverUnary(), this::startCall)
                    .build())
            .build()
            .start();
  }

  static Echo start(byte[] answer) throws IOException {
    return new Echo(answer);
  }

  String address() {
    return "127.0.0.1:" + server.getPort();
  }

  @Override
  public ServerCall.Listener<byte[]> startCall(ServerCall<byte[], Message> call, Metadata headers) {
    call.request(2);
    return new ServerCall.Listener<>() {
      @Override
      public void onHalfClose() {
        call.sendHeaders(new Metadata());
        call.sendMessage(answer);
        call.close(Status.OK, new Metadata());
      }
    };
  }

  @Override
  public void close() {
    server.shutdownNow();
  }
}
