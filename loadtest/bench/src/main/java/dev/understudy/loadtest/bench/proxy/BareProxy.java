package dev.understudy.loadtest.bench.proxy;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.HandlerRegistry;
import io.grpc.KnownLength;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/**
 * The least that grpc-java can do between a client and a backend: one event loop, one connection,
 * messages as bytes, no layer at all. What the router costs above this is what its layers cost.
 *
 * <p>Arguments: the port to listen on, and the port of the backend, both on loopback.
 */
public final class BareProxy {
  private BareProxy() {}

  /** Runs until the process is ended. */
  public static void main(String[] args) throws IOException, InterruptedException {
    EventLoopGroup boss = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    ManagedChannel backend =
        NettyChannelBuilder.forAddress("127.0.0.1", Integer.parseInt(args[1]))
            .usePlaintext()
            .disableRetry()
            .directExecutor()
            .channelType(NioSocketChannel.class)
            .eventLoopGroup(loop)
            .maxInboundMessageSize(64 << 20)
            .build();
    NettyServerBuilder.forPort(Integer.parseInt(args[0]))
        .directExecutor()
        .channelType(NioServerSocketChannel.class)
        .bossEventLoopGroup(boss)
        .workerEventLoopGroup(loop)
        .maxInboundMessageSize(64 << 20)
        .maxConcurrentCallsPerConnection(4096)
        .fallbackHandlerRegistry(new Forward(backend))
        .build()
        .start()
        .awaitTermination();
  }

  private static final class Forward extends HandlerRegistry
      implements ServerCallHandler<byte[], byte[]> {
    private final ManagedChannel backend;
    private @Nullable ServerMethodDefinition<?, ?> last;

    Forward(ManagedChannel backend) {
      this.backend = backend;
    }

    @Override
    public ServerMethodDefinition<?, ?> lookupMethod(String name, @Nullable String authority) {
      ServerMethodDefinition<?, ?> known = last;
      if (known == null || !known.getMethodDescriptor().getFullMethodName().equals(name)) {
        known = ServerMethodDefinition.create(method(name), this);
        last = known;
      }
      return known;
    }

    @Override
    public ServerCall.Listener<byte[]> startCall(
        ServerCall<byte[], byte[]> server, Metadata headers) {
      ClientCall<byte[], byte[]> client =
          backend.newCall(server.getMethodDescriptor(), CallOptions.DEFAULT);
      server.request(2);
      return new ServerCall.Listener<>() {
        private byte @Nullable [] message;

        @Override
        public void onMessage(byte[] received) {
          message = received;
        }

        @Override
        public void onHalfClose() {
          byte[] whole = message;
          if (whole == null) {
            server.close(Status.INTERNAL.withDescription("no message"), new Metadata());
            return;
          }
          client.start(new Back(server), new Metadata());
          client.request(2);
          client.sendMessage(whole);
          client.halfClose();
        }

        @Override
        public void onCancel() {
          client.cancel("the client has gone", null);
        }
      };
    }
  }

  private static final class Back extends ClientCall.Listener<byte[]> {
    private final ServerCall<byte[], byte[]> server;
    private byte @Nullable [] answer;

    Back(ServerCall<byte[], byte[]> server) {
      this.server = server;
    }

    @Override
    public void onMessage(byte[] message) {
      answer = message;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      byte[] whole = answer;
      if (status.isOk() && whole != null) {
        server.sendHeaders(new Metadata());
        server.sendMessage(whole);
      }
      server.close(status, trailers);
    }
  }

  private static MethodDescriptor<byte[], byte[]> method(String name) {
    return MethodDescriptor.newBuilder(new Bytes(), new Bytes())
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(name)
        .build();
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new Known(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        byte[] bytes = new byte[stream.available()];
        if (stream.readNBytes(bytes, 0, bytes.length) != bytes.length) {
          throw new IOException("a message shorter than its length");
        }
        return bytes;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static final class Known extends ByteArrayInputStream implements KnownLength {
    Known(byte[] bytes) {
      super(bytes);
    }
  }
}
