/**
 * Tests that may be looked at after every event: each keeps the evidence against one null
 * hypothesis as an e-value.
 */
@NullMarked
package dev.understudy.evidence.process;

import org.jspecify.annotations.NullMarked;
