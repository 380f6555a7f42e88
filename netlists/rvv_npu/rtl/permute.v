// Slide and permute network: rotates the lanes' words by any number of lanes, then shifts bytes between neighbours.

// One multiplexer stage of the rotation for one lane, registered.
module rotate_stage (
    input clk,
    input enable,
    input far_chosen,
    input [63:0] near,
    input [63:0] far,
    output reg [63:0] word
);
    always @(posedge clk)
        if (enable) word <= far_chosen ? far : near;
endmodule

// Byte shift of one lane over its own word and the next lane's.
module byte_align (
    input clk,
    input enable,
    input [2:0] bytes,
    input [63:0] own,
    input [63:0] next,
    output reg [63:0] word
);
    wire [127:0] both = {next, own};
    always @(posedge clk)
        if (enable) word <= both[{bytes, 3'd0} +: 64];
endmodule

// Starts when every lane offers a word, and times the stages.
module permute_control #(
    parameter LANES = 4,
    parameter STAGES = 2
) (
    input clk,
    input rst_n,
    input [LANES-1:0] word_valid,
    input [7:0] distance,
    output [STAGES:0] enable,
    output [STAGES:0] far_chosen,
    output [2:0] bytes,
    output result_valid
);
    reg [STAGES:0] stage_valid;
    wire [STAGES+1:0] next_valid = {stage_valid, &word_valid};
    assign enable = next_valid[STAGES:0];
    assign result_valid = stage_valid[STAGES];
    assign far_chosen = distance[3 +: STAGES+1];
    assign bytes = distance[2:0];
    always @(posedge clk) stage_valid <= rst_n ? next_valid[STAGES:0] : {(STAGES + 1){1'b0}};
endmodule

module permute_unit #(
    parameter LANES = 4,
    parameter STAGES = 2
) (
    input clk,
    input rst_n,
    input [LANES-1:0] word_valid,
    input [64*LANES-1:0] words,
    input [7:0] distance,
    output result_valid,
    output [64*LANES-1:0] results
);
    wire [STAGES:0] enable;
    wire [STAGES:0] far_chosen;
    wire [2:0] bytes;
    wire [64*LANES-1:0] level [0:STAGES];
    assign level[0] = words;
    permute_control #(.LANES(LANES), .STAGES(STAGES)) control (
        .clk(clk), .rst_n(rst_n), .word_valid(word_valid), .distance(distance), .enable(enable),
        .far_chosen(far_chosen), .bytes(bytes), .result_valid(result_valid)
    );
    genvar s;
    genvar l;
    generate
        for (s = 0; s < STAGES; s = s + 1) begin : stage
            for (l = 0; l < LANES; l = l + 1) begin : lane
                rotate_stage rotate (
                    .clk(clk), .enable(enable[s]), .far_chosen(far_chosen[s]), .near(level[s][64*l +: 64]),
                    .far(level[s][64*((l + (1 << s)) % LANES) +: 64]), .word(level[s+1][64*l +: 64])
                );
            end
        end
        for (l = 0; l < LANES; l = l + 1) begin : align
            byte_align bytes_of_lane (
                .clk(clk), .enable(enable[STAGES]), .bytes(bytes), .own(level[STAGES][64*l +: 64]),
                .next(level[STAGES][64*((l + 1) % LANES) +: 64]), .word(results[64*l +: 64])
            );
        end
    endgenerate
endmodule
