/** Admits, validates, chooses an arm, forwards, guards, mirrors and records. */
@org.jspecify.annotations.NullMarked
package dev.understudy.router;
