package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;

/** The stream back to a sender of outcomes. Called on the intake's thread only. */
interface LabelSender {
  /** Every outcome of this stream up to the sequence is safe. */
  void acknowledge(long sequence);

  /** Room for so many more outcomes. */
  void request(int labels);

  /** All outcomes have come and are acknowledged. */
  void complete();

  /** As {@link BlockSender#fail}. */
  void fail(Fault fault);
}
