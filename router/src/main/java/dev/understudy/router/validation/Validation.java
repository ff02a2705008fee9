package dev.understudy.router.validation;

import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.proto.tensor.SignatureCheck;
import dev.understudy.router.call.Refusals;
import java.util.List;

/** Refuses a request before a backend sees it. Immutable. */
public final class Validation {
  private static final List<String> RESERVED = List.of("headers", "binary_data_output");
  private static final String ALLOWED = "triton_enable_empty_final_response";

  private Validation() {}

  /**
   * Checks a request.
   *
   * @throws dev.understudy.chassis.error.Fault in Triton's words when it does not fit
   */
  public static void check(InferRequestView request, SignatureCheck signature) {
    if (request.usesSharedMemory()) {
      throw Refusals.sharedMemory(request.id());
    }
    if (!request.parameters().isEmpty()) {
      checkParameters(request);
    }
    String violation = signature.violation(request);
    if (violation != null) {
      throw Refusals.invalid(request.id(), violation);
    }
  }

  /**
   * Checks a request for a model of which nothing is known.
   *
   * @throws dev.understudy.chassis.error.Fault when it speaks of memory that no client of a router
   *     can have registered
   */
  public static void checkUnlisted(InferRequestView request) {
    if (request.usesSharedMemory()) {
      throw Refusals.sharedMemory(request.id());
    }
  }

  private static void checkParameters(InferRequestView request) {
    for (String key : request.parameters().names()) {
      if (key.startsWith("triton_") && !key.equals(ALLOWED)) {
        throw Refusals.invalid(
            request.id(),
            "parameter keys starting with 'triton_' are reserved for Triton usage. Only the"
                + " following keys starting with 'triton_' are allowed: "
                + ALLOWED);
      }
      if (RESERVED.contains(key)) {
        throw Refusals.invalid(request.id(), "parameter '" + key + "' is reserved");
      }
    }
  }
}
