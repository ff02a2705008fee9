package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;

/**
 * The stream back to somebody who sends numbered messages, as outcomes and tallies are. Called on
 * the intake's thread only.
 */
interface SequenceSender {
  /** Every message of this stream up to the sequence is safe. */
  void acknowledge(long sequence);

  /** Room for so many more messages. */
  void request(int messages);

  /** All messages have come and are acknowledged. */
  void complete();

  /** As {@link BlockSender#fail}. */
  void fail(Fault fault);
}
