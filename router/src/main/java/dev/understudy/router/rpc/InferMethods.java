package dev.understudy.router.rpc;

import dev.understudy.router.call.Message;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;

/** The two methods of the hot path, with messages as bytes: nothing is parsed by generated code. */
public final class InferMethods {
  /** The protocol's service. */
  public static final String SERVICE = "inference.GRPCInferenceService";

  private InferMethods() {}

  /**
   * The server's side of {@code ModelInfer}. On the wire it is unary; to gRPC it is a stream from
   * the client, of which the frontend takes one message: a unary call's message is kept back until
   * the client has nothing more to say, uncounted, for as long as the client likes.
   */
  public static MethodDescriptor<byte[], Message> serverUnary() {
    return MethodDescriptor.newBuilder(BytesMarshaller.INSTANCE, MessageMarshaller.INSTANCE)
        .setType(MethodType.CLIENT_STREAMING)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, "ModelInfer"))
        .build();
  }

  /** The server's side of {@code ModelStreamInfer}. */
  public static MethodDescriptor<byte[], Message> serverStream() {
    return MethodDescriptor.newBuilder(BytesMarshaller.INSTANCE, MessageMarshaller.INSTANCE)
        .setType(MethodType.BIDI_STREAMING)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, "ModelStreamInfer"))
        .build();
  }

  /** The client's side of {@code ModelInfer}. */
  public static MethodDescriptor<Message, byte[]> clientUnary() {
    return MethodDescriptor.newBuilder(MessageMarshaller.INSTANCE, BytesMarshaller.INSTANCE)
        .setType(MethodType.UNARY)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, "ModelInfer"))
        .setSafe(false)
        .build();
  }
}
