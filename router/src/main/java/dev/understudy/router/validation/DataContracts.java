package dev.understudy.router.validation;

import dev.understudy.proto.contract.ContractCheck;
import dev.understudy.proto.contract.ContractFindings;
import dev.understudy.proto.tensor.InferRequestView;
import dev.understudy.router.call.InferCall;
import dev.understudy.router.call.Refusals;
import java.nio.ByteBuffer;

/**
 * Holds requests that fit the signature against the model's data contract: refuses what must not
 * pass, with all violations at once; puts right what may be put right; flags the rest. Any thread.
 */
public final class DataContracts {
  private final ContractTally tally;

  /** The layer; what it finds is counted there. */
  public DataContracts(ContractTally tally) {
    this.tally = tally;
  }

  /**
   * Checks a call.
   *
   * @return the call to go on with: the same, or one whose message has values put right
   * @throws dev.understudy.chassis.error.Fault with a violation for each field that is wrong
   */
  public InferCall check(InferCall call, ContractCheck contract) {
    ContractFindings found = contract.check(call.body(), call.request(), call.arrivalUnixMs());
    return found == null ? call : settle(call, found);
  }

  private InferCall settle(InferCall call, ContractFindings found) {
    tally.count(call.model(), found.counts());
    for (String flag : found.flags()) {
      call.notes().flag(flag);
    }
    if (found.refused() > 0) {
      throw Refusals.brokenContract(call.clientId(), call.model(), found);
    }
    byte[] changed = found.changed();
    return changed == null
        ? call
        : call.with(InferRequestView.parse(ByteBuffer.wrap(changed)), changed);
  }
}
