package dev.understudy.comparator.intake;

import dev.understudy.chassis.error.Fault;
import dev.understudy.proto.v1.BlockAck;

/** The stream back to a router. Called on the intake's thread only. */
interface BlockSender {
  /** Everything of the boot up to the sequence is safe. */
  void acknowledge(BlockAck ack);

  /** Room for so many more blocks. */
  void request(int blocks);

  /** The router has sent its last block, and all are acknowledged. */
  void complete();

  /** The stream has to be opened again, and what was not acknowledged be sent again. */
  void fail(Fault fault);
}
