module bank (input [7:0] address, input [7:0] d, output [7:0] q);
endmodule

module adder #(parameter WIDTH = 8) (input [WIDTH-1:0] a, b, output [WIDTH-1:0] sum);
endmodule

module top #(parameter BANKS = 2) (input [7:0] address, input [7:0] d, output [7:0] y);
    wire [7:0] stage [0:BANKS];
    assign stage[0] = d;
    assign y = stage[BANKS];
    genvar i;
    generate
        for (i = 0; i < BANKS; i = i + 1) begin : step
            wire [7:0] q;
            bank memory (.address(address), .d(stage[i]), .q(q));
            adder #(.WIDTH(8)) add (.a(q), .b(stage[i]), .sum(stage[i + 1]));
        end
    endgenerate
endmodule
