package dev.understudy.router.frontend;

import dev.understudy.chassis.rpc.MessageBound;
import dev.understudy.router.call.Gate;
import dev.understudy.router.call.InferService;
import dev.understudy.router.call.ModelQuestions;
import dev.understudy.router.rpc.InferMethods;
import io.grpc.ServerInterceptors;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import java.util.Set;
import java.util.function.LongSupplier;

/** The inference protocol's service: the hot methods on bytes, the rare ones on messages. */
public final class Frontend {
  /** Methods that throw nothing and close with the right status by themselves. */
  public static final Set<String> SELF_TRANSLATED =
      Set.of(InferMethods.serverUnary().getFullMethodName());

  private Frontend() {}

  /**
   * Makes the service.
   *
   * @param gate refuses callers of the rare methods; liveness is open to everybody
   */
  public static ServerServiceDefinition service(
      InferService infer,
      ModelQuestions questions,
      Gate gate,
      String serverName,
      LongSupplier nanoTime) {
    HeaderKeys keys = new HeaderKeys();
    ServerServiceDefinition rare =
        ServerInterceptors.intercept(
            MessageBound.bounded(
                new RareMethods(questions, gate, serverName).bindService(),
                MessageBound.QUESTION_BYTES),
            new HeaderGate(gate, keys));
    ServerServiceDefinition.Builder service =
        ServerServiceDefinition.builder(InferMethods.SERVICE)
            .addMethod(InferMethods.serverUnary(), new UnaryInfer(infer, keys, nanoTime))
            .addMethod(InferMethods.serverStream(), new StreamInfer(infer, keys, nanoTime));
    for (ServerMethodDefinition<?, ?> method : rare.getMethods()) {
      String name = method.getMethodDescriptor().getBareMethodName();
      if (!"ModelInfer".equals(name) && !"ModelStreamInfer".equals(name)) {
        service.addMethod(method);
      }
    }
    return service.build();
  }
}
