/** A routing table compiled for use: checked once, then read without locks. */
@NullMarked
package dev.understudy.router.table;

import org.jspecify.annotations.NullMarked;
