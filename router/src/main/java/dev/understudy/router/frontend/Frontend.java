package dev.understudy.router.frontend;

import dev.understudy.router.call.Gate;
import dev.understudy.router.call.InferService;
import dev.understudy.router.call.ModelQuestions;
import dev.understudy.router.rpc.InferMethods;
import io.grpc.ServerInterceptors;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import java.util.function.LongSupplier;

/** The inference protocol's service: the hot methods on bytes, the rare ones on messages. */
public final class Frontend {
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
    ServerServiceDefinition rare =
        ServerInterceptors.intercept(
            new RareMethods(questions, gate, serverName), new HeaderGate(gate));
    ServerServiceDefinition.Builder service =
        ServerServiceDefinition.builder(InferMethods.SERVICE)
            .addMethod(InferMethods.serverUnary(), new UnaryInfer(infer, nanoTime))
            .addMethod(InferMethods.serverStream(), new StreamInfer(infer, nanoTime));
    for (ServerMethodDefinition<?, ?> method : rare.getMethods()) {
      String name = method.getMethodDescriptor().getBareMethodName();
      if (!"ModelInfer".equals(name) && !"ModelStreamInfer".equals(name)) {
        service.addMethod(method);
      }
    }
    return service.build();
  }
}
