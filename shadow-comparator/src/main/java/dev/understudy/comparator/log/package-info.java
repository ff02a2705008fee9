/** The evidence log on disk: appended, checked, never rewritten. */
@NullMarked
package dev.understudy.comparator.log;

import org.jspecify.annotations.NullMarked;
