/** Looks at a deployment from where one stands, and says what is wrong and what to do. */
@NullMarked
package dev.understudy.launcher.doctor;

import org.jspecify.annotations.NullMarked;
