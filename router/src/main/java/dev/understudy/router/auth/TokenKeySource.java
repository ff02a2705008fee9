package dev.understudy.router.auth;

import org.jspecify.annotations.Nullable;

/** Where an issuer's keys come from. Any thread. */
interface TokenKeySource extends AutoCloseable {
  /** The keys; null when none are known, or those that are known are too old. */
  @Nullable TokenKeys current();

  /** Somebody came with a key that is not known; it may be a new one. */
  void unknownKey();

  /** Looks for new keys, if it is time; called often, off the event loops. */
  void tick();

  /** How many times new keys could not be used or had. */
  long failures();

  @Override
  void close();
}
