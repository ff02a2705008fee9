/** The words that all layers share: a call, its principal, its answer, and every refusal. */
@NullMarked
package dev.understudy.router.call;

import org.jspecify.annotations.NullMarked;
