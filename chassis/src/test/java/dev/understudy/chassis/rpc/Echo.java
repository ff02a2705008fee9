package dev.understudy.chassis.rpc;

import dev.understudy.chassis.error.Fault;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** A service whose messages are plain text. */
public final class Echo {
  private static final MethodDescriptor.Marshaller<String> TEXT =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(String value) {
          return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
          try {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        }
      };

  public static final MethodDescriptor<String, String> UNARY =
      method("unary", MethodDescriptor.MethodType.UNARY);
  public static final MethodDescriptor<String, String> CHAT =
      method("chat", MethodDescriptor.MethodType.BIDI_STREAMING);
  public static final MethodDescriptor<String, String> WATCH =
      method("watch", MethodDescriptor.MethodType.SERVER_STREAMING);

  /** How a text is answered. */
  public interface Answer {
    String to(String text) throws Exception;
  }

  private Echo() {}

  public static String answer(String text) {
    return switch (text) {
      case "throw fault" -> throw Fault.of(Status.Code.NOT_FOUND, "NO_MODEL", "no such model");
      case "throw secret" -> throw new IllegalStateException("hunter2");
      default -> "echo " + text;
    };
  }

  public static ServerServiceDefinition service(Answer answer) {
    return ServerServiceDefinition.builder("test.Echo")
        .addMethod(
            UNARY,
            ServerCalls.asyncUnaryCall((text, out) -> {
              if (text.equals("observe fault")) {
                out.onError(Fault.of(Status.Code.NOT_FOUND, "NO_MODEL", "no such model"));
              } else {
                out.onNext(to(answer, text));
                out.onCompleted();
              }
            }))
        .addMethod(
            CHAT,
            ServerCalls.asyncBidiStreamingCall(out ->
                new StreamObserver<String>() {
                  @Override
                  public void onNext(String text) {
                    out.onNext(to(answer, text));
                  }

                  @Override
                  public void onError(Throwable t) {}

                  @Override
                  public void onCompleted() {
                    out.onCompleted();
                  }
                }))
        .addMethod(
            WATCH,
            ServerCalls.asyncServerStreamingCall((text, out) -> {
              out.onNext(to(answer, text));
              out.onNext(to(answer, text + " again"));
            }))
        .build();
  }

  private static String to(Answer answer, String text) {
    try {
      return answer.to(text);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static MethodDescriptor<String, String> method(
      String name, MethodDescriptor.MethodType type) {
    return MethodDescriptor.<String, String>newBuilder()
        .setType(type)
        .setFullMethodName("test.Echo/" + name)
        .setRequestMarshaller(TEXT)
        .setResponseMarshaller(TEXT)
        .build();
  }
}
