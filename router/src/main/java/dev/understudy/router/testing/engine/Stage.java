package dev.understudy.router.testing.engine;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.Status;
import dev.understudy.router.testing.wire.WireClient;
import dev.understudy.router.testing.wire.WireEvent;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One scenario's engine with its service and a client, and the words to speak of them. */
public final class Stage implements AutoCloseable {
  static final String UNARY = "/inference.GRPCInferenceService/ModelInfer";
  static final String STREAM = "/inference.GRPCInferenceService/ModelStreamInfer";
  static final Engine.Limits LIMITS = new Engine.Limits(1 << 20, 32 << 10);

  final ScriptedService service = new ScriptedService();
  final Engine engine;
  final WireClient client;

  Stage(Engine.Factory factory) throws Exception {
    engine = factory.start(service, LIMITS);
    client = WireClient.raw(engine.port());
  }

  /** Opens a unary call. */
  int unary(String... headers) throws IOException {
    return client.open(call(UNARY, headers), false);
  }

  /** Opens a stream of requests. */
  int stream(String... headers) throws IOException {
    return client.open(call(STREAM, headers), false);
  }

  /** A call with these names and values besides the usual. */
  static Http2Headers call(String path, String... headers) {
    Http2Headers all = WireClient.call(path);
    for (int i = 0; i < headers.length; i += 2) {
      all.add(headers[i], headers[i + 1]);
    }
    return all;
  }

  /** The status of an ended stream. */
  int status(int stream) {
    return Integer.parseInt(text(client.trailers(stream).headers(), "grpc-status"));
  }

  /** The status text of an ended stream. */
  String told(int stream) {
    CharSequence message = client.trailers(stream).headers().get("grpc-message");
    return message == null
        ? ""
        : URLDecoder.decode(message.toString().replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  /** The status details of an ended stream. */
  Status details(int stream) throws InvalidProtocolBufferException {
    return Status.parseFrom(binary(client.trailers(stream).headers(), "grpc-status-details-bin"));
  }

  /** The messages of a stream so far. */
  List<byte[]> messages(int stream) {
    ByteBuffer body = ByteBuffer.wrap(client.body(stream));
    List<byte[]> all = new ArrayList<>();
    while (body.remaining() >= 5) {
      expect("a message is not compressed", (byte) 0, body.get());
      int length = body.getInt();
      if (length > body.remaining()) {
        break;
      }
      byte[] message = new byte[length];
      body.get(message);
      all.add(message);
    }
    return all;
  }

  /** Expects that a unary call was answered with this message. */
  void expectAnswer(int stream, byte[] message) {
    expect("status, '" + told(stream) + "'", 0, status(stream));
    List<byte[]> all = messages(stream);
    expect("messages", 1, all.size());
    expectBytes("the answer", message, all.getFirst());
  }

  /** Expects that a stream ends with a status that is not OK, or by a reset. */
  void expectFails(int stream) {
    WireEvent _ =
        client.await(
            WireEvent.class,
            event ->
                (event instanceof WireEvent.Reset reset && reset.stream() == stream)
                    || (event instanceof WireEvent.Headers headers
                        && headers.end()
                        && headers.stream() == stream
                        && !"0".contentEquals(text(headers.headers(), "grpc-status"))));
  }

  /** Expects that the connection still serves. */
  void expectServes() throws IOException {
    service.onRequest(ScriptedService.Request::echo);
    service.refuse(headers -> null);
    int stream = unary();
    client.data(stream, WireClient.message(new byte[] {8, 1}), true);
    expectAnswer(stream, new byte[] {8, 1});
  }

  /** Waits for the first headers of a stream. */
  Http2Headers head(int stream) {
    return client.await(WireEvent.Headers.class, headers -> headers.stream() == stream).headers();
  }

  static String text(Http2Headers headers, String name) {
    CharSequence value = headers.get(name);
    if (value == null) {
      throw new AssertionError("no " + name + " in " + headers);
    }
    return value.toString();
  }

  static byte[] binary(Http2Headers headers, String name) {
    return Base64.getDecoder().decode(text(headers, name));
  }

  static void expect(String what, @Nullable Object expected, @Nullable Object was) {
    if (!Objects.equals(expected, was)) {
      throw new AssertionError(what + ": " + was + " (expected: " + expected + ")");
    }
  }

  static void expectTrue(String what, boolean condition) {
    if (!condition) {
      throw new AssertionError("not so: " + what);
    }
  }

  static void expectBytes(String what, byte[] expected, byte[] was) {
    if (!Arrays.equals(expected, was)) {
      throw new AssertionError(
          what + ": " + was.length + " other bytes (expected: " + expected.length + ")");
    }
  }

  @Override
  public void close() {
    client.close();
    engine.close();
  }
}
