package dev.understudy.router.split;

/** Which share of the answered traffic a call falls into. */
public enum Share {
  /** The rest. */
  CHAMPION,
  /** The challenger's share. */
  CANARY,
  /** The control replica's share. */
  CONTROL
}
