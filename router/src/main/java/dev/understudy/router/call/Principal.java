package dev.understudy.router.call;

/**
 * Who is calling.
 *
 * @param name as in the key file; {@code anonymous} when authentication is off
 * @param tester whether the caller may choose an arm by header
 */
public record Principal(String name, boolean tester) {
  /** The one principal of a router without authentication. */
  public static final Principal ANONYMOUS = new Principal("anonymous", false);
}
